// QR codes after ISO/IEC 18004 at error correction M, which survives a scratched screen and still
// scans when small: alphanumeric mode for texts of its alphabet, byte mode for all others, versions
// 1 to 18. A pay address has version 8.

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
// Of each version: check bytes of a block, number of blocks (table 9).
const BLOCKS = [
  null, [10, 1], [16, 1], [26, 1], [18, 2], [24, 2], [16, 4], [18, 4], [22, 4], [22, 5], [26, 5], [30, 5], [22, 8],
  [22, 9], [24, 9], [24, 10], [28, 10], [28, 11], [26, 13],
];
/** Light modules that must surround a code. */
export const QUIET_MODULES = 4;

const MASKS = [
  (x, y) => (x + y) % 2 === 0,
  (x, y) => y % 2 === 0,
  (x) => x % 3 === 0,
  (x, y) => (x + y) % 3 === 0,
  (x, y) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2 === 0,
  (x, y) => ((x * y) % 2) + ((x * y) % 3) === 0,
  (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2 === 0,
  (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2 === 0,
];

/** Encodes a text: { size, mask, dark }, where `dark` holds 1 for each dark module, row by row. */
export function encode(text) {
  const alphanumeric = [...text].every((letter) => ALPHABET.includes(letter));
  const units = alphanumeric ? [...text].map((letter) => ALPHABET.indexOf(letter)) : [...new TextEncoder().encode(text)];
  const version = BLOCKS.findIndex((_, at) => at > 0 && bitsOf(units, at, alphanumeric).length <= 8 * dataBytes(at));
  if (version < 0) throw new Error("qr: the text is too long");
  const bytes = interleave(padded(bitsOf(units, version, alphanumeric), dataBytes(version)), version);
  const plain = blank(version);
  place(plain, bytes);
  const drawn = MASKS.map((_, mask) => masked(plain, mask));
  const penalties = drawn.map(penalty);
  const mask = penalties.indexOf(Math.min(...penalties));
  return { size: plain.size, mask, dark: drawn[mask].dark };
}

/** Draws a text into an `<svg>` that holds one `<path>`; the text itself stands nowhere. */
export function draw(svg, text) {
  const { size, dark } = encode(text);
  const side = size + 2 * QUIET_MODULES;
  let path = "";
  for (let at = 0; at < dark.length; at += 1) {
    const starts = dark[at] && (at % size === 0 || !dark[at - 1]);
    if (!starts) continue;
    let length = 1;
    while ((at + length) % size !== 0 && dark[at + length]) length += 1;
    path += `M${(at % size) + QUIET_MODULES} ${Math.floor(at / size) + QUIET_MODULES}h${length}v1h-${length}z`;
  }
  svg.setAttribute("viewBox", `0 0 ${side} ${side}`);
  svg.querySelector("path").setAttribute("d", path);
}

const modulesOf = (version) => 17 + 4 * version;

/** Bytes of a version, data and check bytes together: the modules that no pattern takes. */
function allBytes(version) {
  const aligned = version === 1 ? 0 : Math.floor(version / 7) + 2;
  const patterns = version === 1 ? 0 : (25 * aligned - 10) * aligned - 55;
  return Math.floor(((16 * version + 128) * version + 64 - patterns - (version < 7 ? 0 : 36)) / 8);
}

function dataBytes(version) {
  const [check, blocks] = BLOCKS[version];
  return allBytes(version) - check * blocks;
}

function bitsOf(units, version, alphanumeric) {
  const bits = [];
  const push = (value, length) => {
    for (let i = length - 1; i >= 0; i -= 1) bits.push((value >> i) & 1);
  };
  push(alphanumeric ? 2 : 4, 4);
  push(units.length, alphanumeric ? (version < 10 ? 9 : 11) : version < 10 ? 8 : 16);
  if (!alphanumeric) units.forEach((byte) => push(byte, 8));
  for (let i = 0; alphanumeric && i < units.length; i += 2) {
    if (i + 1 < units.length) push(units[i] * 45 + units[i + 1], 11);
    else push(units[i], 6);
  }
  return bits;
}

function padded(bits, length) {
  const end = Math.min(8 * length, bits.length + 4);
  const bytes = Array.from({ length: Math.ceil(end / 8) }, (_, at) =>
    bits.slice(8 * at, 8 * at + 8).reduce((byte, bit, i) => byte | (bit << (7 - i)), 0));
  for (let filler = 0xec; bytes.length < length; filler ^= 0xec ^ 0x11) bytes.push(filler);
  return bytes;
}

/** The product in GF(256) over x^8 + x^4 + x^3 + x^2 + 1. */
function times(a, b) {
  let product = 0;
  for (let i = 7; i >= 0; i -= 1) {
    product = (product << 1) ^ ((product >> 7) * 0x11d);
    product ^= ((b >> i) & 1) * a;
  }
  return product;
}

/** The check bytes of a block (Reed-Solomon). */
function checkBytes(data, count) {
  const generator = new Array(count).fill(0);
  generator[count - 1] = 1;
  for (let i = 0, root = 1; i < count; i += 1, root = times(root, 2)) {
    for (let j = 0; j < count; j += 1) generator[j] = times(generator[j], root) ^ (generator[j + 1] ?? 0);
  }
  const rest = new Array(count).fill(0);
  for (const byte of data) {
    const factor = byte ^ rest.shift();
    rest.push(0);
    generator.forEach((coefficient, i) => (rest[i] ^= times(coefficient, factor)));
  }
  return rest;
}

/** Cuts the data into blocks, the shorter ones first, and takes bytes and check bytes from each in turn. */
function interleave(data, version) {
  const [check, blocks] = BLOCKS[version];
  const short = Math.floor(data.length / blocks);
  const shorter = blocks - (data.length % blocks);
  const parts = [];
  for (let i = 0, at = 0; i < blocks; i += 1) {
    const length = short + (i < shorter ? 0 : 1);
    parts.push(data.slice(at, at + length));
    at += length;
  }
  const checks = parts.map((part) => checkBytes(part, check));
  const out = [];
  for (const rows of [parts, checks]) {
    for (let i = 0; i <= short + check; i += 1) out.push(...rows.filter((row) => i < row.length).map((row) => row[i]));
  }
  return out;
}

function set(code, x, y, dark) {
  code.dark[y * code.size + x] = dark ? 1 : 0;
  code.fixed[y * code.size + x] = 1;
}

/** A code with all patterns and with room for the format. */
function blank(version) {
  const size = modulesOf(version);
  const code = { size, dark: new Uint8Array(size * size), fixed: new Uint8Array(size * size) };
  for (let i = 0; i < size; i += 1) {
    set(code, 6, i, i % 2 === 0);
    set(code, i, 6, i % 2 === 0);
  }
  const finder = (cx, cy) => {
    for (let y = Math.max(cy - 4, 0); y <= Math.min(cy + 4, size - 1); y += 1) {
      for (let x = Math.max(cx - 4, 0); x <= Math.min(cx + 4, size - 1); x += 1) {
        const ring = Math.max(Math.abs(x - cx), Math.abs(y - cy));
        set(code, x, y, ring !== 2 && ring !== 4);
      }
    }
  };
  finder(3, 3);
  finder(size - 4, 3);
  finder(3, size - 4);
  alignments(code, version);
  if (version >= 7) versionBits(code, version);
  format(code, 0);
  return code;
}

function alignments(code, version) {
  if (version === 1) return;
  const count = Math.floor(version / 7) + 2;
  const step = 2 * Math.floor((8 * version + 3 * count + 5) / (4 * count - 4));
  const centres = [6, ...Array.from({ length: count - 1 }, (_, i) => code.size - 7 - step * (count - 2 - i))];
  const last = code.size - 7;
  for (const cy of centres) {
    for (const cx of centres) {
      // Three corners belong to the finders.
      if ((cx === 6 && (cy === 6 || cy === last)) || (cx === last && cy === 6)) continue;
      for (let y = -2; y <= 2; y += 1) {
        for (let x = -2; x <= 2; x += 1) set(code, cx + x, cy + y, Math.max(Math.abs(x), Math.abs(y)) !== 1);
      }
    }
  }
}

/** A value followed by the rest of its division, as format and version need it. */
function withRest(value, generator, length) {
  let rest = value;
  for (let i = 0; i < length; i += 1) rest = (rest << 1) ^ ((rest >> (length - 1)) * generator);
  return (value << length) | rest;
}

function versionBits(code, version) {
  const bits = withRest(version, 0x1f25, 12);
  for (let i = 0; i < 18; i += 1) {
    const [near, far] = [Math.floor(i / 3), code.size - 11 + (i % 3)];
    set(code, far, near, (bits >> i) & 1);
    set(code, near, far, (bits >> i) & 1);
  }
}

/** Error correction M is 0, so the format's data is the mask alone. */
function format(code, mask) {
  const bits = withRest(mask, 0x537, 10) ^ 0x5412;
  const { size } = code;
  for (let i = 0; i < 15; i += 1) {
    const dark = (bits >> i) & 1;
    // Around the upper left finder, past the timing patterns.
    if (i < 8) set(code, 8, i < 6 ? i : i + 1, dark);
    else set(code, i === 8 ? 7 : 14 - i, 8, dark);
    // The second copy, beside the other two finders.
    if (i < 8) set(code, size - 1 - i, 8, dark);
    else set(code, 8, size - 15 + i, dark);
  }
  set(code, 8, size - 8, true);
}

/** Writes the bits upwards and downwards in columns of two, from the lower right. */
function place(code, bytes) {
  const { size } = code;
  let at = 0;
  for (let right = size - 1; right >= 1; right -= 2) {
    // The timing pattern takes a column of its own.
    if (right === 6) right = 5;
    const upwards = ((right + 1) & 2) === 0;
    for (let i = 0; i < size; i += 1) {
      const y = upwards ? size - 1 - i : i;
      for (const x of [right, right - 1]) {
        if (code.fixed[y * size + x]) continue;
        code.dark[y * size + x] = at < 8 * bytes.length ? (bytes[at >> 3] >> (7 - (at & 7))) & 1 : 0;
        at += 1;
      }
    }
  }
}

function masked(plain, mask) {
  const code = { ...plain, dark: plain.dark.slice(), fixed: plain.fixed.slice() };
  code.dark.forEach((_, at) => {
    if (!code.fixed[at] && MASKS[mask](at % code.size, Math.floor(at / code.size))) code.dark[at] ^= 1;
  });
  format(code, mask);
  return code;
}

/** How hard a code is to read (section 7.8.3): runs, blocks, false finders, imbalance. */
function penalty({ size, dark }) {
  const rows = Array.from({ length: size }, (_, y) => dark.subarray(y * size, (y + 1) * size).join(""));
  const columns = Array.from({ length: size }, (_, x) => rows.map((row) => row[x]).join(""));
  let points = 0;
  for (const line of [...rows, ...columns]) {
    for (const [run] of line.matchAll(/0{5,}|1{5,}/g)) points += run.length - 2;
    for (const finder of [/(?=10111010000)/g, /(?=00001011101)/g]) points += 40 * [...line.matchAll(finder)].length;
  }
  for (let y = 1; y < size; y += 1) {
    for (let x = 1; x < size; x += 1) {
      const at = y * size + x;
      const sum = dark[at] + dark[at - 1] + dark[at - size] + dark[at - size - 1];
      if (sum % 4 === 0) points += 3;
    }
  }
  const share = dark.reduce((sum, module) => sum + module, 0) / dark.length;
  return points + 10 * Math.floor(Math.abs(share - 0.5) * 20);
}
