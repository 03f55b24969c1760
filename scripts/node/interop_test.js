// Other people's programs against agentd: requests signed by Twilio's own Node package, and the WebSocket client wscat.
//   node scripts/node/interop_test.js AGENTD [--requests 500] [--mutated 200] [--stride 1: every byte, 5: every fifth one]
// 500 random requests (Unicode, repeated keys, empty values, ports, query strings) are accepted; every one-byte mutation
// of 200 of them is refused and changes nothing. Exit code 77: the npm packages are not installed (scripts/setup --test).
'use strict';
const { spawn } = require('child_process');
const fs = require('fs');
const http = require('http');
const os = require('os');
const path = require('path');

const root = path.join(__dirname, '../../build/node/node_modules');
if (!fs.existsSync(path.join(root, 'twilio')) || !fs.existsSync(path.join(root, 'wscat'))) {
  console.error('the npm packages are not installed: run scripts/setup --test');
  process.exit(77);
}
const twilio = require(path.join(root, 'twilio'));
const option = (name, otherwise) => {
  const at = process.argv.indexOf(name);
  return at < 0 ? otherwise : Number(process.argv[at + 1]);
};
const agentdPath = path.resolve(process.argv[2] || 'agentd');
const wanted = option('--requests', 500);
const mutated = option('--mutated', 200);
const stride = option('--stride', 1);

const TOKEN = '0f1e2d3c4b5a69788796a5b4c3d2e1f0';
const OLD_TOKEN = 'ffeeddccbbaa99887766554433221100';
const API_KEY = 'interop-key';
const BASE = 'https://agent.example.com:8443';
const BASE_WITHOUT_PORT = 'https://agent.example.com';

let seed = 12345;
const random = (bound) => {
  seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
  return Math.floor((seed / 4294967296) * bound);
};
const pick = (list) => list[random(list.length)];
const hex = (digits) => Array.from({ length: digits }, () => '0123456789abcdef'[random(16)]).join('');
const words = ['שלום', 'דירה בת 4 חדרים', '🙏🏽', 'naïve café', 'a+b c', '100%', '&=?#', '"<tag>"', "it's", '', ' ', '\r\n', '\t', '中文', '\\'];
const text = () => Array.from({ length: random(5) }, () => pick(words)).join(pick(['', ' ', '-']));
const encode = (value) => encodeURIComponent(value).replace(/%20/g, '+').replace(/[!'()]/g, (c) => '%' + c.charCodeAt(0).toString(16).toUpperCase());

// One request: route, raw body, and the header that Twilio's package gives it.
function makeRequest(number) {
  const route = pick(['/webhook/incoming_call', '/webhook/incoming_call', '/webhook/handle_recording']);
  const query = pick(['', '', '?tenant=a', `?x=${encode(text())}&y`, '?a=1&a=2&b=', `?q=${encodeURIComponent(text())}`]);
  const pairs = [['CallSid', 'CA' + hex(32)], ['AccountSid', 'AC' + '0'.repeat(32)], ['From', '+9725' + random(1e8)],
    ['To', '+97231234567'], ['CallStatus', 'ringing'], ['FromCity', ''], ['ToZip', '']];
  for (let i = random(8); i > 0; --i) pairs.push([pick(['Body', 'ProfileName', 'Key', 'key', 'K', '_', 'A.b', 'ש']) + random(3), text()]);
  if (random(3) === 0) for (let i = 0; i < 3; ++i) pairs.push(['Repeated', text()]);
  const body = pairs.map(([key, value]) => `${encode(key)}=${encode(value)}`).join('&');
  const params = {};
  for (const [key, value] of pairs) {
    if (key in params) params[key] = [].concat(params[key], value); else params[key] = value;
  }
  const signedUrl = (random(3) === 0 ? BASE_WITHOUT_PORT : BASE) + route + query;
  const token = number % 10 === 9 ? OLD_TOKEN : TOKEN;
  return { target: route + query, body, signature: twilio.getExpectedTwilioSignature(token, signedUrl, params) };
}

const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
function send(port, { target, body, signature }, method = 'POST', headers = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port, method, path: target, agent, headers: {
      'Content-Type': 'application/x-www-form-urlencoded; charset=UTF-8',
      ...(signature === undefined ? {} : { 'X-Twilio-Signature': signature }), ...headers } }, (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part));
      response.on('end', () => resolve({ status: response.statusCode, body: Buffer.concat(parts).toString() }));
    });
    request.on('error', reject);
    if (body) request.write(body);
    request.end();
  });
}

async function state(port) {
  const answer = await send(port, { target: '/api/calls?limit=10000' }, 'GET', { Authorization: `Bearer ${API_KEY}` });
  if (answer.status !== 200) throw new Error(`/api/calls answered ${answer.status}`);
  return answer.body;
}

// Every request that differs from this one in one byte of body, query or signature.
function* mutations({ target, body, signature }) {
  const other = (byte) => (byte === 'x' ? 'y' : 'x');
  for (let i = 0; i < body.length; ++i) yield { target, signature, body: body.slice(0, i) + other(body[i]) + body.slice(i + 1) };
  for (let i = 0; i < signature.length; ++i) {
    yield { target, body, signature: signature.slice(0, i) + other(signature[i]) + signature.slice(i + 1) };
  }
  for (let i = target.indexOf('?') + 1; i > 0 && i < target.length; ++i) {
    yield { body, signature, target: target.slice(0, i) + other(target[i]) + target.slice(i + 1) };
  }
}

async function inParallel(items, width, work) {
  const iterator = items[Symbol.iterator]();
  const worker = async () => {
    for (let next = iterator.next(); !next.done; next = iterator.next()) await work(next.value);
  };
  await Promise.all(Array.from({ length: width }, worker));
}

function wscat(port, slash, subprotocol) {
  return new Promise((resolve) => {
    const args = [path.join(root, 'wscat/bin/wscat'), '-c', `ws://127.0.0.1:${port}/ws/twilio-media${slash}`, '--no-color',
      '-x', '{"event":"connected","protocol":"Call","version":"1.0.0"}', '-w', '1', ...(subprotocol ? ['-s', subprotocol] : [])];
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (part) => { output += part; });
    child.stderr.on('data', (part) => { output += part; });
    const timer = setTimeout(() => child.kill(), 15000);
    child.on('exit', (code) => { clearTimeout(timer); resolve({ code, output }); });
  });
}

async function startAgentd(folder) {
  const portFile = path.join(folder, 'port');
  const log = fs.openSync(path.join(folder, 'log'), 'w');
  const child = spawn(agentdPath, ['--listen-host', '127.0.0.1', '--port', '0', '--admin-port', '0', '--api-rate-per-min', '1000000', '--port-file', portFile,
    '--state-dir', path.join(folder, 'state'), '--llm', 'scripted', '--persona', 'en-real-estate'],
  { stdio: ['ignore', log, log], cwd: folder, env: { PATH: process.env.PATH, HOME: folder,
    DATABASE_URL: `sqlite:${path.join(folder, 'db')}`, TWILIO_AUTH_TOKEN: `${TOKEN},${OLD_TOKEN}`, API_KEY, PUBLIC_BASE_URL: BASE, WS_MODE: 'ECHO',
    STT: 'whisper', OPENAI_API_KEY: 'none', OPENAI_BASE_URL: 'http://127.0.0.1:9', TTS: 'flite',  // nothing to load
    ASAN_OPTIONS: process.env.ASAN_OPTIONS || '' } });
  for (let i = 0; i < 1200; ++i) {
    if (fs.existsSync(portFile) && fs.statSync(portFile).size > 0) return { child, port: Number(fs.readFileSync(portFile, 'utf8')) };
    if (child.exitCode !== null) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  child.kill();
  throw new Error('agentd did not start:\n' + fs.readFileSync(path.join(folder, 'log'), 'utf8'));
}

async function main() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'agentlocator-interop-'));
  const { child, port } = await startAgentd(folder);
  const problems = [];
  const check = (ok, what) => { if (!ok && problems.length < 20) problems.push(what); };
  try {
    const requests = Array.from({ length: wanted }, (_, i) => makeRequest(i));
    await inParallel(requests, 8, async (request) => {
      const answer = await send(port, request);
      check(answer.status === 200 && answer.body.startsWith('<?xml'), `refused (${answer.status}): ${request.target} ${request.body}`);
    });
    console.log(`${wanted} requests signed by twilio ${require(path.join(root, 'twilio/package.json')).version} accepted`);

    await new Promise((resolve) => setTimeout(resolve, 500));
    const before = await state(port);
    let count = 0;
    let seen = 0;
    const begun = Date.now();
    for (const request of requests.slice(0, mutated)) {
      await inParallel(mutations(request), 8, async (changed) => {
        if (++seen % stride !== 0) return;
        ++count;
        const answer = await send(port, changed);
        check(answer.status === 403, `accepted (${answer.status}) a mutation: ${changed.target} ${changed.body} ${changed.signature}`);
      });
    }
    check(await state(port) === before, 'a refused request changed the stored calls');
    console.log(`${count} one-byte mutations of ${mutated} requests refused in ${((Date.now() - begun) / 1000).toFixed(1)} s, stored calls unchanged`);

    for (const slash of ['', '/']) {
      for (const subprotocol of [undefined, 'audio.twilio.com']) {
        const { code, output } = await wscat(port, slash, subprotocol);
        check(code === 0 && !/error/i.test(output), `wscat ${subprotocol || 'without -s'} ${slash || 'without slash'}: ${code} ${output}`);
      }
    }
    console.log('wscat connects with and without -s audio.twilio.com, with and without the slash');
  } finally {
    agent.destroy();
    child.kill('SIGTERM');
    await new Promise((resolve) => { if (child.exitCode !== null) resolve(); else child.on('exit', resolve); });
  }
  if (problems.length > 0) {
    console.error(problems.join('\n'));
    console.error(`agentd's log: ${path.join(folder, 'log')}`);
    process.exit(1);
  }
  fs.rmSync(folder, { recursive: true });
}

main().catch((error) => { console.error(error); process.exit(1); });
