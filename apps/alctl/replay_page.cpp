// The page of `alctl replay --html`: everything is in the one file, nothing is fetched. The pictures are drawn from the
// numbers by the script at the end; the sound is a data URL of the two sides of the call.
#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

#include "alctl/replay_report.h"
#include "core/json.h"
#include "twilio/base64.h"

namespace al::alctl {
namespace {

using nlohmann::json;

std::string base64_of(const std::vector<std::int16_t>& pcm) {
  std::vector<std::uint8_t> bytes;
  bytes.reserve(pcm.size() * 2);
  for (const std::int16_t sample : pcm) {
    bytes.push_back(static_cast<std::uint8_t>(sample & 0xFF));
    bytes.push_back(static_cast<std::uint8_t>(static_cast<std::uint16_t>(sample) >> 8U));
  }
  std::string text(twilio::base64_length(bytes.size()), '\0');
  twilio::base64_encode(bytes, text.data());
  return text;
}

// One decimal is finer than a pixel.
double short_db(float value) {
  return std::round(std::max(value, -100.0F) * 10.0F) / 10.0;
}

json frames_json(const ReplayRun& run) {
  json level = json::array();
  json floor = json::array();
  json threshold = json::array();
  std::string marks;  // one letter a frame: bits voice 1, speaking 2, agent 4
  for (const ReplayFrame& frame : run.frames) {
    level.push_back(short_db(frame.level_dbfs));
    floor.push_back(short_db(frame.floor_dbfs));
    threshold.push_back(short_db(frame.threshold_dbfs));
    marks += static_cast<char>('0' + (frame.voice ? 1 : 0) + (frame.speaking ? 2 : 0) + (frame.agent ? 4 : 0));
  }
  return {{"level", level}, {"floor", floor}, {"threshold", threshold}, {"marks", marks}};
}

// JSON inside <script>: "</" must not end the element.
std::string script_safe(std::string text) {
  for (std::size_t at = text.find("</"); at != std::string::npos; at = text.find("</", at + 3))
    text.insert(at + 1, "\\");
  return text;
}

constexpr std::string_view kHead = R"html(<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>AgentLocator replay</title>
<style>
:root{--bg:#f7f7f5;--card:#fff;--ink:#1d2733;--dim:#6b7785;--line:#e3e6ea;--caller:#2f7d5b;--agent:#b5622a;--floor:#8a95a3;--thr:#c4342d;
--voice:#2f7d5b;--utt:#2f7d5b22}
@media (prefers-color-scheme:dark){:root{--bg:#12161b;--card:#1a2027;--ink:#e6eaef;--dim:#94a0ad;--line:#2b333d;--caller:#5fc296;
--agent:#e79a5f;--floor:#7d8894;--thr:#ff7b72;--voice:#5fc296;--utt:#5fc29626}}
*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:1180px;margin:0 auto;padding:28px 20px 60px}h1{font-size:22px;margin:0 0 2px}h2{font-size:16px;margin:0 0 10px}
.sub{color:var(--dim);margin:0 0 18px}.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:16px 18px;margin:0 0 18px}
.facts{display:flex;flex-wrap:wrap;gap:10px 30px;margin:0 0 14px}.facts b{display:block;font-size:20px;font-weight:600}.facts span{color:var(--dim);font-size:13px}
canvas{width:100%;display:block;border-radius:6px;cursor:crosshair}.bar{display:flex;gap:14px;align-items:center;margin:0 0 10px;flex-wrap:wrap}
.bar audio{flex:1;min-width:260px;height:36px}.legend{color:var(--dim);font-size:13px;display:flex;gap:16px;flex-wrap:wrap;margin-top:8px}
.legend i{display:inline-block;width:14px;height:4px;border-radius:2px;margin-right:6px;vertical-align:middle}
.read{font:13px ui-monospace,monospace;color:var(--dim);min-height:20px;margin-top:6px}
table{border-collapse:collapse;width:100%}th{font-weight:500;color:var(--dim);text-align:left;font-size:13px}th,td{padding:6px 8px;border-bottom:1px solid var(--line);vertical-align:middle}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}td audio{height:32px;width:230px;display:block}tr:last-child td{border-bottom:0}
.stack{display:flex;height:14px;border-radius:3px;overflow:hidden;min-width:2px}.stack div{height:100%}
.scroll{overflow-x:auto}button{font:inherit;padding:4px 12px;border:1px solid var(--line);border-radius:6px;background:var(--card);color:var(--ink);cursor:pointer}
.say{margin:0;padding:0;list-style:none}.say li{padding:4px 0}.say time{color:var(--dim);font-variant-numeric:tabular-nums;display:inline-block;width:86px}.say .c{color:var(--caller)}.say .a{color:var(--agent)}
</style></head><body><main>
<h1 id="title"></h1><p class="sub" id="sub"></p>
<section class="card"><div class="facts" id="facts"></div>
<div class="bar"><audio id="whole" controls></audio><button id="out">&minus;</button><button id="in">+</button><button id="all">whole call</button></div>
<canvas id="map" height="54"></canvas><div style="height:8px"></div><canvas id="chart" height="430"></canvas>
<div class="read" id="read">Move over the picture to read a moment; click to hear it. Drag in the upper strip to move.</div>
<div class="legend"><span><i style="background:var(--caller)"></i>caller</span><span><i style="background:var(--agent)"></i>agent</span>
<span><i style="background:var(--ink)"></i>level</span><span><i style="background:var(--floor)"></i>noise floor</span><span><i style="background:var(--thr)"></i>threshold</span>
<span><i style="background:var(--voice)"></i>voice decision</span><span><i style="background:var(--utt);height:12px"></i>utterance</span></div></section>
<section class="card"><h2>Utterances</h2><div class="scroll"><table id="utts"></table></div></section>
<section class="card"><h2>Answers: where the time went</h2><div class="scroll"><table id="turns"></table></div></section>
<section class="card"><h2>Conversation</h2><ul class="say" id="talk"></ul></section>
</main>
<script>const D=)html";

constexpr std::string_view kScript = R"html(;
const $=id=>document.getElementById(id),css=n=>getComputedStyle(document.documentElement).getPropertyValue(n).trim();
const time=ms=>{const s=Math.floor(ms/1000);return Math.floor(s/60)+":"+String(s%60).padStart(2,"0")+"."+String(Math.floor(ms%1000)).padStart(3,"0")};
const pcm=b=>{const s=atob(b),a=new Int16Array(s.length/2);for(let i=0;i<a.length;i++){a[i]=s.charCodeAt(2*i)|s.charCodeAt(2*i+1)<<8}return a};
const caller=pcm(D.caller),agent=pcm(D.agent),N=caller.length,T=N/8;  // samples, ms
function wav(from,to,sides){const n=Math.max(0,to-from),c=sides.length,b=new Uint8Array(44+n*2*c),v=new DataView(b.buffer);
 const put=(o,t)=>[...t].forEach((x,i)=>b[o+i]=x.charCodeAt(0));put(0,"RIFF");v.setUint32(4,36+n*2*c,true);put(8,"WAVEfmt ");
 v.setUint32(16,16,true);v.setUint16(20,1,true);v.setUint16(22,c,true);v.setUint32(24,8000,true);v.setUint32(28,16000*c,true);
 v.setUint16(32,2*c,true);v.setUint16(34,16,true);put(36,"data");v.setUint32(40,n*2*c,true);
 for(let i=0;i<n;i++)for(let k=0;k<c;k++)v.setInt16(44+(i*c+k)*2,sides[k][from+i]||0,true);
 let s="";for(let i=0;i<b.length;i+=8192)s+=String.fromCharCode(...b.subarray(i,i+8192));return "data:audio/wav;base64,"+btoa(s)}
$("title").textContent=D.head.file;document.title="Replay of "+D.head.file;
$("sub").textContent="detector "+D.head.vad+(D.head.changes?", "+D.head.changes:"")+(D.end_reason?", call ended: "+D.end_reason:"");
const fact=(v,t)=>{const d=document.createElement("div");const b=document.createElement("b");b.textContent=v;const s=document.createElement("span");s.textContent=t;d.append(b,s);$("facts").append(d)};
const voiceMs=[...D.frames.marks].filter(m=>m&1).length*20,kept=D.utterances.filter(u=>u.reason!=="dropped");
const mid=a=>a.length?a.slice().sort((x,y)=>x-y)[Math.floor(a.length/2)]:null;
fact(time(T),"length");fact(kept.length,"utterances");fact((voiceMs/1000).toFixed(1)+" s","of voice");
const wait=mid(kept.map(u=>u.decided_ms-u.end_ms));if(wait!==null)fact(wait+" ms","median silence before an end");
const total=mid(D.turns.map(t=>t.total_ms));if(total!==null)fact(total+" ms","median answer delay");
fact(D.events.filter(e=>e.name==="BARGE_IN").length,"barge-ins");
const whole=$("whole");whole.src=wav(0,N,[caller,agent]);
let view={from:0,to:Math.min(T,20000)};if(T<26000)view.to=T;let hover=null;
function setup(c){const r=devicePixelRatio||1,w=c.clientWidth,h=+c.getAttribute("height");if(c.width!==w*r){c.width=w*r;c.height=h*r;c.style.height=h+"px"}
 const g=c.getContext("2d");g.setTransform(r,0,0,r,0,0);g.clearRect(0,0,w,h);return[g,w,h]}
function wave(g,a,x0,w,y,h,from,to,color){g.fillStyle=color;for(let x=0;x<w;x++){const i=Math.floor((from+(to-from)*x/w)*8),j=Math.max(i+1,Math.floor((from+(to-from)*(x+1)/w)*8));
 let lo=0,hi=0;const step=Math.max(1,Math.floor((j-i)/400));for(let k=i;k<j&&k<a.length;k+=step){if(a[k]<lo)lo=a[k];if(a[k]>hi)hi=a[k]}
 const f=v=>Math.sign(v)*Math.sqrt(Math.abs(v)/32768)*h/2;const t=f(hi),b=f(lo);g.fillRect(x0+x,y-t,1,Math.max(1,t-b))}}
const states=[];{let last=null;for(const e of D.events)if(e.name==="STATE_CHANGE"&&e.facts.machine==="agent"){if(last)last.to=e.at_ms;last={from:e.at_ms,to:T,state:e.facts.to,why:e.facts.reason};states.push(last)}}
const stateColor={SPEAKING:"--agent",PROCESSING:"--thr",HELD:"--floor",LISTENING:"--caller",STARTING:"--floor",ENDING:"--floor",ENDED:"--floor"};
function draw(){const[m,mw,mh]=setup($("map"));wave(m,caller,0,mw,mh/4,mh/2,0,T,css("--caller"));wave(m,agent,0,mw,mh*3/4,mh/2,0,T,css("--agent"));
 m.fillStyle=css("--ink")+"22";const vx=view.from/T*mw,vw=(view.to-view.from)/T*mw;m.fillRect(vx,0,vw,mh);m.strokeStyle=css("--ink");m.strokeRect(vx+.5,.5,vw-1,mh-1);
 const[g,w,h]=setup($("chart"));const X=t=>(t-view.from)/(view.to-view.from)*w;g.font="12px system-ui";
 for(const u of D.utterances){const a=X(u.onset_ms),b=X(u.end_ms),c=X(u.decided_ms);if(c<0||a>w)continue;g.fillStyle=css("--utt");g.fillRect(a,16,b-a,h-50);
  g.fillStyle=css("--floor")+"22";g.fillRect(b,16,c-b,h-50);g.fillStyle=css("--dim");const words=u.text||u.reason,room=Math.floor((c-Math.max(0,a))/6.5)-1;if(room>3)g.fillText(words.length>room?words.slice(0,room-1)+"\u2026":words,Math.max(2,a+4),12)}
 wave(g,caller,0,w,70,70,view.from,view.to,css("--caller"));wave(g,agent,0,w,146,62,view.from,view.to,css("--agent"));
 const y0=190,lh=150,db=v=>y0+lh*(1-(Math.max(-80,Math.min(0,v))+80)/80);g.strokeStyle=css("--line");g.fillStyle=css("--dim");
 for(const v of[0,-20,-40,-60,-80]){g.beginPath();g.moveTo(0,db(v));g.lineTo(w,db(v));g.stroke();g.fillText(v+" dB",2,db(v)-3)}
 const curve=(a,color,width)=>{g.strokeStyle=css(color);g.lineWidth=width;g.beginPath();const i0=Math.max(0,Math.floor(view.from/20)),i1=Math.min(a.length,Math.ceil(view.to/20)+1);
  for(let i=i0;i<i1;i++){const x=X(i*20+10),y=db(a[i]);i===i0?g.moveTo(x,y):g.lineTo(x,y)}g.stroke();g.lineWidth=1};
 curve(D.frames.level,"--ink",1);curve(D.frames.floor,"--floor",1.5);curve(D.frames.threshold,"--thr",1.5);
 for(let i=Math.max(0,Math.floor(view.from/20));i<D.frames.marks.length&&i*20<view.to;i++){const b=+D.frames.marks[i],x=Math.floor(X(i*20)),bw=Math.max(1,Math.ceil(X(i*20+20))-x);
  if(b&1){g.fillStyle=css("--voice");g.fillRect(x,350,bw,10)}if(b&4){g.fillStyle=css("--agent");g.fillRect(x,363,bw,6)}}
 for(const s of states){const a=Math.max(0,X(s.from)),b=Math.min(w,X(s.to));if(b<=0||a>=w)continue;g.fillStyle=css(stateColor[s.state]||"--floor")+"44";g.fillRect(a,376,b-a,20);
  g.fillStyle=css("--ink");if(b-a>60)g.fillText(s.state,a+5,390)}
 g.fillStyle=css("--dim");const span=view.to-view.from,tick=[100,200,500,1000,2000,5000,10000,30000,60000].find(t=>span/t<14)||120000;
 for(let t=Math.ceil(view.from/tick)*tick;t<view.to;t+=tick){g.fillRect(X(t),400,1,5);g.fillText(time(t),X(t)+3,416)}
 for(const e of D.events)if(e.name==="BARGE_IN"||e.name==="INTERRUPTED"){const x=X(e.at_ms);if(x<0||x>w)continue;g.fillStyle=css("--thr");g.fillRect(x,16,1.5,h-50)}
 const cursor=(t,c)=>{const x=X(t);if(x>=0&&x<=w){g.fillStyle=css(c);g.fillRect(x,0,1,h-30)}};cursor(whole.currentTime*1000,"--thr");if(hover!==null)cursor(hover,"--dim")}
const at=(c,e)=>view.from+(e.clientX-c.getBoundingClientRect().left)/c.clientWidth*(view.to-view.from);
$("chart").onmousemove=e=>{hover=at($("chart"),e);const i=Math.floor(hover/20);if(i>=0&&i<D.frames.level.length){const b=+D.frames.marks[i],s=states.find(s=>s.from<=hover&&hover<s.to);
 $("read").textContent=time(hover)+"  level "+D.frames.level[i]+" dB  floor "+D.frames.floor[i]+"  threshold "+D.frames.threshold[i]+(b&1?"  voice":"")+(b&2?"  in utterance":"")+(b&4?"  agent audible":"")+(s?"  "+s.state+" ("+s.why+")":"")}draw()};
$("chart").onmouseleave=()=>{hover=null;draw()};$("chart").onclick=e=>{whole.currentTime=at($("chart"),e)/1000;whole.play()};
const look=(mid,span)=>{span=Math.min(T,Math.max(500,span));view.from=Math.max(0,Math.min(T-span,mid-span/2));view.to=view.from+span;draw()};
const zoom=f=>look((view.from+view.to)/2,(view.to-view.from)*f);$("in").onclick=()=>zoom(.5);$("out").onclick=()=>zoom(2);$("all").onclick=()=>look(T/2,T);
const drag=e=>{if(e.buttons||e.type==="click"){const c=$("map");look((e.clientX-c.getBoundingClientRect().left)/c.clientWidth*T,view.to-view.from)}};$("map").onmousemove=drag;$("map").onmousedown=drag;$("map").onclick=drag;
$("chart").addEventListener("wheel",e=>{e.preventDefault();const t=at($("chart"),e),f=e.deltaY>0?1.25:.8,s=(view.to-view.from)*f;look(t+(((view.from+view.to)/2)-t)*f,s)},{passive:false});
whole.ontimeupdate=()=>{const t=whole.currentTime*1000;if(!whole.paused&&(t<view.from||t>view.to))look(t+(view.to-view.from)*.4,view.to-view.from);else draw()};
const row=(table,cells,tag="td")=>{const r=table.insertRow();for(const[c,n]of cells){const d=document.createElement(tag);if(n)d.className="n";c instanceof Node?d.append(c):d.textContent=c;r.append(d)}return r};
row($("utts"),[["begins"],["speech",1],["voice",1],["silence",1],["ended by"],["words"],["listen"]],"th");
for(const u of D.utterances){const p=document.createElement("audio");p.controls=true;p.preload="metadata";p.src=wav(Math.max(0,(u.onset_ms-300)*8),Math.min(N,(u.decided_ms)*8),[caller]);
 const b=document.createElement("button");b.textContent=time(u.onset_ms);b.onclick=()=>look((u.onset_ms+u.decided_ms)/2,(u.decided_ms-u.onset_ms)*1.6+800);
 row($("utts"),[[b],[(u.end_ms-u.onset_ms)+" ms",1],[u.voice_ms+" ms",1],[(u.decided_ms-u.end_ms)+" ms",1],[u.reason],[u.text],[p]])}
if(!D.utterances.length)row($("utts"),[["Nobody spoke."]]);
const parts=["endpointing_ms","stt_ms","model_ms","clause_ms","tts_ms","playout_ms"],colors=["#6b8fb5","#5fa98a","#c9a24b","#b8b04a","#c9773f","#9a7bb5"];
row($("turns"),[["turn",1],...parts.map(p=>[p.replace("_ms",""),1]),["whole",1],[""]],"th");
const most=Math.max(1,...D.turns.map(t=>t.total_ms));
for(const t of D.turns){const s=document.createElement("div");s.className="stack";s.style.width=Math.round(260*t.total_ms/most)+"px";parts.forEach((p,i)=>{const d=document.createElement("div");d.style.width=(100*t[p]/Math.max(1,t.total_ms))+"%";d.style.background=colors[i];d.title=p+" "+t[p];s.append(d)});
 row($("turns"),[[t.turn,1],...parts.map(p=>[t[p],1]),[t.total_ms+" ms",1],[s]])}
if(!D.turns.length)row($("turns"),[["No answers: only the listening was replayed."]]);
const talk=[...kept.filter(u=>u.text).map(u=>({at:u.onset_ms,who:"c",text:u.text})),...D.spoken.filter(s=>s.text).map(s=>({at:s.at_ms,who:"a",text:s.text}))].sort((a,b)=>a.at-b.at);
for(const t of talk){const l=document.createElement("li"),m=document.createElement("time"),s=document.createElement("span");m.textContent=time(t.at);s.className=t.who;s.dir="auto";s.textContent=t.text;l.append(m,s);$("talk").append(l)}
if(!talk.length)$("talk").textContent="No words: nothing was recognised in this replay.";
addEventListener("resize",draw);draw();document.documentElement.dataset.drawn="yes";
</script></body></html>
)html";

}  // namespace

std::string replay_page(const ReplayHead& head, const ReplayRun& run) {
  json data = replay_json(head, run);
  data["head"] = {{"file", head.file}, {"vad", head.vad}, {"changes", head.changes}};
  data["frames"] = frames_json(run);
  data["caller"] = base64_of(run.caller);
  data["agent"] = base64_of(run.agent);
  std::string page(kHead);
  page += script_safe(dump_json(data));
  page += kScript;
  return page;
}

}  // namespace al::alctl
