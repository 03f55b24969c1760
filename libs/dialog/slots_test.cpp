#include "dialog/slots.h"

#include <gtest/gtest.h>

#include "dialog/calendar.h"
#include "dialog/money.h"
#include "dialog/phone.h"
#include "dialog/timing.h"

namespace al::dialog {
namespace {

// Friday, 2026-11-20, 09:00 at the business.
WallTime friday() {
  return WallTime(std::chrono::sys_days(std::chrono::year(2026) / 11 / 20) + std::chrono::hours(9));
}

std::string money(std::string_view text) {
  std::string out;
  for (const Money& one : find_money(split_words(clean_text(text)))) {
    if (one.sure) out += (out.empty() ? "" : "; ") + to_canonical(one, "ILS");
  }
  return out;
}

TEST(Slots, ReadSumsInBothLanguages) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"two and a half million", "2500000 ILS"},
      {"$2.5 million", "2500000 USD"},
      {"1.8M", "1800000 ILS"},
      {"up to 900 thousand shekels", "900000 ILS"},
      {"6,500 NIS per month", "6500 ILS/month"},
      {"₪1,250,000", "1250000 ILS"},
      {"between 2 and 2.5 million", "2000000-2500000 ILS"},
      {"1.5 to 2 million dollars", "1500000-2000000 USD"},
      {"at least three million", ">=3000000 ILS"},
      {"my budget is 1200", "1200 ILS"},
      {"900k", "900000 ILS"},
      {"a million thanks", ""},
      {"eighty square meters and four rooms", ""},
      {"in two months", ""},
      {"at 5 pm", ""},
      {"שני מיליון וחצי", "2500000 ILS"},
      {"מיליון שמונה מאות", "1800000 ILS"},
      {"עד תשע מאות אלף שקל", "900000 ILS"},
      {"חמשת אלפים לחודש", "5000 ILS/month"},
      {"בין מיליון למיליון וחצי", "1000000-1500000 ILS"},
      {"3.2 מיליון ש\"ח", "3200000 ILS"},
      {"כ-2 מיליון", "2000000 ILS"},
      {"מיליון דולר", "1000000 USD"},
      {"לפחות שני מיליון", ">=2000000 ILS"},
      {"התקציב שלי הוא 7500", "7500 ILS"},
      {"ארבעה חדרים", ""},
      {"שמונים מטר", ""},
  };
  for (const auto& [text, want] : cases) EXPECT_EQ(money(text), want) << text;
}

TEST(Slots, SumsSurviveTheirCanonicalForm) {
  for (const std::string_view text : {"1800000 ILS", "900000-1200000 USD", ">=900000 ILS", "5000 ILS/month"}) {
    const auto read = from_canonical(text);
    ASSERT_TRUE(read) << text;
    EXPECT_EQ(to_canonical(*read, "EUR"), text);
  }
  for (const std::string_view text :
       {"", "ILS", "-5 ILS", "0 ILS", "5ILS", "5 ils", "5 ILSX", "9-5 ILS", "99999999999999999999 ILS"}) {
    EXPECT_FALSE(from_canonical(text)) << text;
  }
  EXPECT_EQ(say_money(*from_canonical("2500000 ILS"), true), "שני מיליון וחצי שקלים");
  EXPECT_EQ(say_money(*from_canonical("5000 ILS/month"), true), "חמשת אלפים שקלים לחודש");
  EXPECT_EQ(say_money(*from_canonical("900000-1200000 USD"), false),
            "nine hundred thousand to one million two hundred thousand dollars");
  EXPECT_EQ(write_money(*from_canonical("1800000 ILS")), "1,800,000 ₪");
}

TEST(Slots, CheckTelephoneNumbers) {
  struct Case {
    std::string_view digits;
    bool plus;
    std::string_view country;
    std::string_view e164;
    PhoneProblem problem;
  };
  using enum PhoneProblem;
  const Case cases[] = {{"0541234567", false, "IL", "+972541234567", kNone},
                        {"031234567", false, "IL", "+97231234567", kNone},
                        {"0771234567", false, "IL", "+972771234567", kNone},
                        {"541234567", false, "IL", "+972541234567", kNone},
                        {"972541234567", true, "US", "+972541234567", kNone},
                        {"9720541234567", true, "IL", "+972541234567", kNone},
                        {"00972541234567", false, "IL", "+972541234567", kNone},
                        {"0541234567", false, "US", "+972541234567", kNone},
                        {"6175550123", false, "US", "+16175550123", kNone},
                        {"6175550123", false, "IL", "+16175550123", kNone},
                        {"16175550123", false, "US", "+16175550123", kNone},
                        {"02079460958", false, "GB", "+442079460958", kNone},
                        {"442079460958", true, "IL", "+442079460958", kNone},
                        {"054123456", false, "IL", "", kTooShort},
                        {"05412345678", false, "IL", "", kTooLong},
                        {"0641234567", false, "IL", "", kNotANumber},
                        {"0000000000", false, "IL", "", kNotANumber},
                        {"123", false, "IL", "", kTooShort},
                        {"", false, "IL", "", kTooShort},
                        {"1175550123", false, "US", "", kNotANumber},
                        {"05412345670541234567", false, "IL", "+972541234567", kNone}};
  for (const Case& c : cases) {
    const PhoneCheck check = check_phone(c.digits, c.plus, c.country);
    EXPECT_EQ(check.e164, c.e164) << c.digits;
    EXPECT_EQ(check.problem, c.problem) << c.digits;
  }
  EXPECT_EQ(national_digits("+972541234567", "IL"), "0541234567");
  EXPECT_EQ(national_digits("+16175550123", "IL"), "+16175550123");
}

TEST(Slots, ReadTimingInBothLanguages) {
  struct Case {
    std::string_view text;
    bool expected;
    std::string_view value;
  };
  const Case cases[] = {
      {"as soon as possible", false, "immediate"},
      {"not urgent", false, "flexible"},
      {"in three months", false, "in 3 months"},
      {"within 2 to 3 months", false, "in 2-3 months"},
      {"three months", false, ""},
      {"three months", true, "in 3 months"},
      {"next month", false, "2026-12"},
      {"in january", false, "2027-01"},
      {"January", true, "2027-01"},
      {"December", true, "2026-12"},
      {"by March 2028", false, "2028-03"},
      {"in the summer", false, "summer 2027"},
      {"end of the year", false, "end of 2026"},
      {"I may move", false, ""},
      {"a couple of months", false, "in 2 months"},
      {"half a year", false, "in 6 months"},
      {"a building three years old", true, ""},
      {"on january 5th", true, "2027-01-05"},
      {"מיידי", false, "immediate"},
      {"כמה שיותר מהר", false, "immediate"},
      {"לא דחוף", false, "flexible"},
      {"בעוד שלושה חודשים", false, "in 3 months"},
      {"תוך חודשיים", false, "in 2 months"},
      {"חודש-חודשיים", true, "in 1-2 months"},
      {"חודש הבא", false, "2026-12"},
      {"בינואר", false, "2027-01"},
      {"בקיץ", false, "summer 2027"},
      {"אחרי החגים", false, "after the holidays"},
      {"חצי שנה", false, "in 6 months"},
      {"סוף השנה", false, "end of 2026"},
      {"דירה יפה", false, ""},
  };
  for (const Case& c : cases) {
    const auto found = find_timing(split_words(clean_text(c.text)), friday(), c.expected);
    EXPECT_EQ(found ? found->value : "", c.value) << c.text;
    if (found) {
      EXPECT_TRUE(is_timing(found->value)) << found->value;
      EXPECT_NE(say_timing(found->value, true), "") << found->value;
    }
  }
  EXPECT_EQ(say_timing("in 3 months", true), "בעוד שלושה חודשים");
  EXPECT_EQ(say_timing("in 2 months", true), "בעוד חודשיים");
  EXPECT_EQ(say_timing("in 1-2 months", true), "בעוד חודש או חודשיים");
  EXPECT_EQ(say_timing("2027-01", false), "in January");
}

TEST(Slots, ReadDaysAndHours) {
  struct Case {
    std::string_view text;
    std::string_view day;
    int minutes;  // -1 = none
  };
  const Case cases[] = {{"tomorrow at ten", "2026-11-21", 600},
                        {"next Tuesday at 5 pm", "2026-11-24", 1020},
                        {"on monday at half past nine", "2026-11-23", 570},
                        {"the day after tomorrow in the morning", "2026-11-22", -1},
                        {"January 5th at 17:30", "2027-01-05", 1050},
                        {"today at 3", "2026-11-20", 900},
                        {"at noon tomorrow", "2026-11-21", 720},
                        {"friday at quarter to six", "2026-11-27", 1065},
                        {"tomorrow at ten thirty", "2026-11-21", 630},
                        {"מחר בעשר", "2026-11-21", 600},
                        {"יום שלישי הבא בחמש אחרי הצהריים", "2026-11-24", 1020},
                        {"מחרתיים בשעה תשע וחצי", "2026-11-22", 570},
                        {"ביום ראשון בערב בשמונה", "2026-11-22", 1200},
                        {"5 בינואר", "2027-01-05", -1},
                        {"יום ב' בשתיים", "2026-11-23", 840}};
  const auto today = *local_day(friday());
  for (const Case& c : cases) {
    const std::vector<Word> words = split_words(clean_text(c.text));
    const auto day = find_day(words, today);
    ASSERT_TRUE(day) << c.text;
    EXPECT_EQ(to_canonical(day->day), c.day) << c.text;
    std::vector<Word> rest = words;
    for (std::size_t i = day->begin; i < day->end; ++i) rest[i].text = "|";
    const auto time = find_time(rest);
    EXPECT_EQ(time ? time->minutes : -1, c.minutes) << c.text;
  }
  EXPECT_EQ(say_time(1020, true), "חמש אחר הצהריים");
  EXPECT_EQ(say_time(570, false), "half past nine in the morning");
  EXPECT_EQ(say_day(*day_from_canonical("2026-11-24"), true), "יום שלישי, עשרים וארבעה בנובמבר");
  EXPECT_FALSE(local_day(WallTime{}));
}

struct Filled {
  std::string_view persona;
  std::string_view text;
  std::vector<std::string> expected;
  std::map<std::string, std::string> slots;
};

std::map<std::string, std::string> extract(const Persona& persona, std::string_view text, SlotContext context) {
  context.local_time = friday();
  std::map<std::string, std::string> out;
  for (const SlotFill& fill : extract_slots(persona, text, context).fills) out[fill.slot] = fill.value;
  return out;
}

TEST(Slots, AreFilledFromWhatWasSaidAndFromNothingElse) {
  const auto english = *Persona::built_in("en-real-estate");
  const auto hebrew = *Persona::built_in("he-real-estate");
  const Filled cases[] = {
      {"en", "Thanks a lot, you too.", {}, {}},
      {"en", "Hello, can you hear me?", {"area"}, {}},
      {"en", "I'm looking for something nice.", {"area"}, {}},
      {"en", "I don't know yet.", {"area"}, {}},
      {"en", "I'm looking for an apartment.", {"name"}, {{"property_type", "apartment"}}},
      {"en", "I am interested.", {"name", "phone"}, {}},
      {"en", "It's for my mother.", {"name"}, {}},
      {"en", "not Haifa, Netanya", {"area"}, {{"area", "Netanya"}}},
      {"en", "anywhere but Haifa, so Holon", {"area"}, {{"area", "Holon"}}},
      {"en", "Hertzeliya", {"area"}, {{"area", "Herzliya"}}},
      {"en", "a three-bedroom penthouse", {}, {{"property_type", "penthouse"}, {"rooms", "3 bedrooms"}}},
      {"en", "to rooms", {"rooms"}, {{"rooms", "2"}}},
      {"en", "We want to move within three months.", {"rooms"}, {{"timing", "in 3 months"}}},
      {"en", "with forums", {"rooms"}, {{"rooms", "4"}}},
      {"en", "my number is 054 1234567 and my name is Ana", {}, {{"phone", "+972541234567"}, {"name", "Ana"}}},
      {"en", "Dana speaking", {"name"}, {{"name", "Dana"}}},
      {"en", "We have 2 kids and a dog.", {"area"}, {}},
      {"en", "call me tomorrow at ten", {}, {{"callback", "2026-11-21 10:00"}}},
      {"he", "תודה רבה", {"area"}, {}},
      {"he", "אני לא יודע", {"area"}, {}},
      {"he", "אני מחפש", {"name"}, {}},
      {"he", "אני דנה", {"name"}, {{"name", "דנה"}}},
      {"he", "לא חיפה, נתניה", {"area"}, {{"area", "נתניה"}}},
      {"he", "דירת שלושה חדרי שינה", {}, {{"property_type", "דירה"}, {"rooms", "3 bedrooms"}}},
      {"he", "חדר וחצי", {"rooms"}, {{"rooms", "1.5"}}},
      {"he", "בתל אביב או ברמת גן", {}, {{"area", "תל אביב, רמת גן"}}},
      {"he", "יש לנו שני ילדים", {"area"}, {}},
      {"he",
       "שמי רון והמספר אפס חמש ארבע שלוש שלוש שלוש ארבע ארבע ארבע ארבע",
       {},
       {{"name", "רון"}, {"phone", "+972543334444"}}},
  };
  for (const Filled& c : cases) {
    SlotContext context;
    context.expected = c.expected;
    EXPECT_EQ(extract(c.persona == "en" ? *english : *hebrew, c.text, context), c.slots) << c.text;
  }
}

TEST(Slots, KeepWhatIsKnownUnlessItIsCorrected) {
  const auto persona = *Persona::built_in("en-real-estate");
  SlotContext context;
  context.known = {{"area", "Haifa"}, {"name", "Dana"}, {"rooms", "4"}};
  EXPECT_TRUE(extract(*persona, "How far is it from Netanya?", context).empty());
  EXPECT_TRUE(extract(*persona, "I'm Robert's friend", context).empty());
  EXPECT_EQ(extract(*persona, "Actually, Netanya.", context),
            (std::map<std::string, std::string>{{"area", "Netanya"}}));
  EXPECT_EQ(extract(*persona, "Sorry, I meant five rooms", context),
            (std::map<std::string, std::string>{{"rooms", "5"}}));
  const Extraction cleared = extract_slots(*persona, "no, not Haifa", context);
  EXPECT_EQ(cleared.cleared, std::vector<std::string>{"area"});
}

TEST(Slots, ANumberInTwoPartsIsPutTogether) {
  const auto persona = *Persona::built_in("en-real-estate");
  SlotContext context;
  context.expected = {"phone"};
  const Extraction first = extract_slots(*persona, "zero five four", context);
  EXPECT_EQ(first.problem, "phone:too_short");
  EXPECT_EQ(first.pending_digits, "054");
  context.pending_digits = first.pending_digits;
  const Extraction second = extract_slots(*persona, "one two three, four five six seven", context);
  ASSERT_EQ(second.fills.size(), 1U);
  EXPECT_EQ(second.fills[0].value, "+972541234567");
  EXPECT_EQ(second.pending_digits, "");
}

TEST(Slots, RefuseValuesThatAreNotCanonical) {
  const auto persona = *Persona::built_in("en-real-estate");
  const std::pair<std::string_view, std::string_view> bad[] = {{"budget", "lots"},
                                                               {"budget", "5 ILS"},
                                                               {"phone", "054"},
                                                               {"phone", "+9725"},
                                                               {"rooms", "-4"},
                                                               {"rooms", "400"},
                                                               {"property_type", "castle"},
                                                               {"timing", "whenever they say so"},
                                                               {"name", "x"},
                                                               {"name", "1234"},
                                                               {"callback", "tomorrow"},
                                                               {"callback", "2026-13-40 99:99"},
                                                               {"area", ""},
                                                               {"deal", "steal"}};
  for (const auto& [slot, value] : bad)
    EXPECT_FALSE(valid_slot_value(*persona, *persona->slot(slot), value)) << slot << " " << value;
}

}  // namespace
}  // namespace al::dialog
