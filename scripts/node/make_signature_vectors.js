// Makes testdata/signature_vectors.json with Twilio's own Node package: what it signs and what it accepts.
//   node scripts/node/make_signature_vectors.js > testdata/signature_vectors.json      (after scripts/node/install)
// Deterministic: the same package version writes the same file.
'use strict';
const crypto = require('crypto');
const path = require('path');
const root = path.join(__dirname, '../../build/node/node_modules');
const twilio = require(path.join(root, 'twilio'));
const { version } = require(path.join(root, 'twilio/package.json'));

const TOKEN = '7d1c0e5b9a3f4c8e8d2b6a1f0e9c5d47';
const OTHER = '00000000000000000000000000000000';
const BASE = 'https://voice.agent.example';
const vectors = [];

function sign(url, params, token = TOKEN) { return twilio.getExpectedTwilioSignature(token, url, params); }

// `url` and `params` are what the server sees; `signed` is what Twilio signed.
function add(name, url, params, { signed = url, signedParams = params, token = TOKEN, valid = true, kind, note } = {}) {
  const vector = { name, url, params, token, signature: sign(signed, signedParams, token), valid };
  if (token !== TOKEN) vector.token = TOKEN;
  if (kind) vector.kind = kind;
  if (note) vector.note = note;
  const accepted = twilio.validateRequest(vector.token, vector.signature, url, params);
  if (!kind && accepted !== valid) throw new Error(`${name}: twilio ${version} says ${accepted}`);
  vectors.push(vector);
}

function addBody(name, url, body, { hashed = body, valid = true } = {}) {
  const hash = crypto.createHash('sha256').update(Buffer.from(hashed, 'utf8')).digest('hex');
  const full = `${url}${url.includes('?') ? '&' : '?'}bodySHA256=${hash}`;
  const signature = sign(full, {});
  const accepted = twilio.validateRequestWithBody(TOKEN, signature, full, body);
  if (accepted !== valid) throw new Error(`${name}: twilio ${version} says ${accepted}`);
  vectors.push({ name, url: full, body, token: TOKEN, signature, valid });
}

const voice = {
  AccountSid: 'ACa1b2c3d4e5f60718293a4b5c6d7e8f90', ApiVersion: '2010-04-01',
  CallSid: 'CA90f8e7d6c5b4a3928170f6e5d4c3b2a1', CallStatus: 'ringing', Direction: 'inbound',
  From: '+972521112233', To: '+97233334444', FromCity: '', FromState: '', FromCountry: 'IL', ToZip: '',
};

const origins = ['https://voice.agent.example', 'https://voice.agent.example:8443', 'http://10.1.2.3:8080',
  'https://Voice.Agent.Example', 'https://[2001:db8::7]:4443', 'https://user:secret@voice.agent.example'];
const targets = ['/webhook/incoming_call', '/webhook/incoming_call?tenant=a&tenant=b', '/webhook/%d7%a9?x=%20&y=+&z',
  '//double/slash/', '/', '/?q=', '/a;b=c/d?e=f?g'];
for (const [i, origin] of origins.entries()) {
  for (const [j, target] of targets.entries()) add(`url-${i}-${j}`, origin + target, voice);
}

const bodies = [
  {}, { K: '' }, { B: '1', a: '2', A: '3', _: '4', '~': '5', '0': '6' }, { Key: 'v', KeyB: 'x', Ke: 'yB' },
  { Body: 'שלום, אפשר דירה בת 4 חדרים? 🙏🏽', ProfileName: 'נועה' }, { Body: ' \t\r\nblanks stay \n' },
  { K: ['b', 'a', 'b', ''] }, { K: ['x', 'x'] }, { 'Media[0]': 'é', 'a b': 'c d' }, { Body: 'x'.repeat(4000) },
  { SpeechResult: '100% + 5 & "more" = <b>' }, { Digits: '*#0123456789ABCD' },
];
for (const [i, body] of bodies.entries()) add(`form-${i}`, `${BASE}/webhook/x?n=${i}`, body);

add('https-port-dropped', 'https://voice.agent.example:8443/x', voice, { signed: 'https://voice.agent.example/x' });
add('https-443-added', `${BASE}/x`, voice, { signed: 'https://voice.agent.example:443/x' });
add('http-80-added', 'http://voice.agent.example/x', voice, { signed: 'http://voice.agent.example:80/x' });
add('wrong-port', `${BASE}/x`, voice, { signed: 'https://voice.agent.example:444/x', valid: false });
add('other-token', `${BASE}/x`, voice, { token: OTHER, valid: false });
add('other-path', `${BASE}/x`, voice, { signed: `${BASE}/y`, valid: false });
add('slash-added', `${BASE}/x/`, voice, { signed: `${BASE}/x`, valid: false });
add('empty-parameter-lost', `${BASE}/x`, { A: '1' }, { signedParams: { A: '1', B: '' }, valid: false });
add('parameter-added', `${BASE}/x`, { A: '1', B: '2' }, { signedParams: { A: '1' }, valid: false });
add('value-changed', `${BASE}/x`, { A: '1' }, { signedParams: { A: '2' }, valid: false });
add('query-reordered', `${BASE}/x?b=1&a=2`, {}, { signed: `${BASE}/x?a=2&b=1`, valid: false });
add('http-behind-proxy', 'http://voice.agent.example/x', voice, { signed: `${BASE}/x`, valid: false });

add('upgrade', 'wss://voice.agent.example/ws/twilio-media', {});
add('upgrade-port', 'wss://voice.agent.example:8443/ws/twilio-media', {});
add('upgrade-port-dropped', 'wss://voice.agent.example:8443/ws', {}, { signed: 'wss://voice.agent.example/ws' });
add('upgrade-slash', 'wss://voice.agent.example/ws', {},
  { signed: 'wss://voice.agent.example/ws/', valid: false, kind: 'websocket-fallback-slash' });
add('upgrade-443', 'wss://voice.agent.example/ws', {},
  { signed: 'wss://voice.agent.example:443/ws', valid: false, kind: 'websocket-fallback-port' });
add('upgrade-as-https', 'wss://voice.agent.example/ws', {},
  { signed: 'https://voice.agent.example/ws', valid: false, kind: 'websocket-fallback-https' });

addBody('json', `${BASE}/events`, '{"a":1}');
addBody('json-query', `${BASE}/events?tenant=a`, '[{"text":"שלום"}]');
addBody('json-space-counts', `${BASE}/events`, '{ "a" : 1 }\n');
addBody('json-changed', `${BASE}/events`, '{"a":2}', { hashed: '{"a":1}', valid: false });

process.stdout.write('[\n' + vectors.map((v) => ' ' + JSON.stringify(v)).join(',\n') + '\n]\n');
