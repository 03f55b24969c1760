// Opens a page of `alctl replay --html` in headless Chromium and looks at the picture: the script ran to its end, there
// is a player for the call and for each utterance, no request left the page, and waveform, level, threshold, voice
// decisions and states were really drawn.
//
//   node check_replay_page.js PAGE.html [SCREENSHOT.png]
'use strict';
const { execFileSync } = require('child_process');
const fs = require('fs');
const os = require('os');
const path = require('path');
const zlib = require('zlib');

const chromium = process.env.CHROMIUM || 'chromium';
const page = path.resolve(process.argv[2]);
const work = fs.mkdtempSync(path.join(os.tmpdir(), 'replay-page-'));
const shot = path.resolve(process.argv[3] || path.join(work, 'page.png'));
const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync', '--hide-scrollbars',
  '--force-device-scale-factor=1', '--window-size=1200,1450', '--virtual-time-budget=5000'];

function run(folder, ...more) {
  const url = 'file://' + page;
  return execFileSync(chromium, [...flags, `--user-data-dir=${path.join(work, folder)}`, ...more, url],
    { stdio: ['ignore', 'pipe', 'ignore'], timeout: 90000, maxBuffer: 256 << 20 }).toString();
}
function check(good, what) {
  if (!good) { console.error('FAILED: ' + what); process.exitCode = 1; } else { console.log('ok: ' + what); }
}

// Only what Chromium writes: 8-bit RGB or RGBA, not interlaced.
function readPng(file) {
  const data = fs.readFileSync(file);
  let at = 8, width = 0, height = 0, channels = 3;
  const parts = [];
  while (at < data.length) {
    const length = data.readUInt32BE(at), type = data.toString('latin1', at + 4, at + 8);
    const body = data.subarray(at + 8, at + 8 + length);
    if (type === 'IHDR') { width = body.readUInt32BE(0); height = body.readUInt32BE(4); channels = body[9] === 6 ? 4 : 3; }
    if (type === 'IDAT') parts.push(body);
    at += 12 + length;
  }
  const raw = zlib.inflateSync(Buffer.concat(parts)), stride = width * channels, out = Buffer.alloc(stride * height);
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (stride + 1)];
    for (let x = 0; x < stride; x++) {
      const left = x >= channels ? out[y * stride + x - channels] : 0;
      const up = y > 0 ? out[(y - 1) * stride + x] : 0;
      const corner = y > 0 && x >= channels ? out[(y - 1) * stride + x - channels] : 0;
      const p = left + up - corner, pa = Math.abs(p - left), pb = Math.abs(p - up), pc = Math.abs(p - corner);
      const paeth = pa <= pb && pa <= pc ? left : pb <= pc ? up : corner;
      const add = [0, left, up, (left + up) >> 1, paeth][filter];
      out[y * stride + x] = (raw[y * (stride + 1) + 1 + x] + add) & 255;
    }
  }
  return { width, height, count: (r, g, b) => {
    let n = 0;
    for (let i = 0; i < out.length; i += channels) {
      if (Math.abs(out[i] - r) < 12 && Math.abs(out[i + 1] - g) < 12 && Math.abs(out[i + 2] - b) < 12) n++;
    }
    return n;
  } };
}

try {
  const text = fs.readFileSync(page, 'utf8');
  check(!/https?:\/\//.test(text), 'the page names no address');
  const data = JSON.parse(text.slice(text.indexOf('const D=') + 8, text.indexOf(';\nconst $=id')));
  const dom = run('dom', '--dump-dom');
  check(/data-drawn="yes"/.test(dom), 'the script ran to its end');
  const players = (dom.match(/<audio[^>]*src="data:audio\/wav;base64,/g) || []).length;
  check(players === data.utterances.length + 1, `${players} players: the call and ${data.utterances.length} utterances`);
  for (const u of data.utterances) if (u.text) check(dom.includes(u.text.replace(/&/g, '&amp;')), 'words: ' + u.text);
  run('shot', `--screenshot=${shot}`);
  const png = readPng(shot);
  check(png.width === 1200, `a picture of ${png.width} x ${png.height}`);
  const seen = { 'caller waveform and voice decisions': png.count(0x2f, 0x7d, 0x5b), 'level': png.count(0x1d, 0x27, 0x33),
    'threshold': png.count(0xc4, 0x34, 0x2d), 'noise floor': png.count(0x8a, 0x95, 0xa3) };
  for (const [what, pixels] of Object.entries(seen)) check(pixels > 400, `${what}: ${pixels} pixels`);
  if (data.spoken.length) check(png.count(0xb5, 0x62, 0x2a) > 400, 'agent waveform');
} finally {
  fs.rmSync(path.join(work, 'dom'), { recursive: true, force: true });
  fs.rmSync(path.join(work, 'shot'), { recursive: true, force: true });
  if (!process.argv[3]) fs.rmSync(work, { recursive: true, force: true });
}
