/** An attribute's value: a length, or text. */
type Attribute = number | string;

/** Text inside an element or a quoted attribute. Characters that XML does not have are dropped. */
export function escapeXml(text: string): string {
  return text
    .replace(/[^\t\n\r -\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** A length with at most two decimals, always written alike. */
function length(value: number): string {
  const text = value.toFixed(2).replace(/\.?0+$/, '');
  return text === '-0' ? '0' : text;
}

/** An element of SVG; `content` is markup already. */
export function element(name: string, attributes: Readonly<Record<string, Attribute>>, content?: string): string {
  const list = Object.entries(attributes)
    .map(([key, value]) => ` ${key}="${typeof value === 'number' ? length(value) : escapeXml(value)}"`)
    .join('');
  return content === undefined ? `<${name}${list}/>` : `<${name}${list}>${content}</${name}>`;
}

/** Text at a point; `kind` is a class of the style sheet. */
export function text(
  x: number,
  y: number,
  kind: string,
  content: string,
  more: Readonly<Record<string, Attribute>> = {},
): string {
  return element('text', { x, y, class: kind, ...more }, escapeXml(content));
}

/** Widths of the characters from space to tilde in Helvetica and the fonts made to its measure, in thousandths of the size. */
const widths: readonly number[] = [
  278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556,
  556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833,
  722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556,
  556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334,
  260, 334, 584,
];

/** About how wide a text is, in the unit of `size`: a little too much rather than too little. */
export function textWidth(content: string, size: number): number {
  let sum = 0;
  for (const character of content) sum += widths[character.charCodeAt(0) - 32] ?? 1000;
  return (sum * size * 1.04) / 1000;
}

/** As much of a text as fits: all of it, its beginning, or nothing. */
export function fitText(content: string, size: number, width: number): string {
  if (textWidth(content, size) <= width) return content;
  const characters = [...content];
  for (let count = characters.length - 1; count >= 4; count--) {
    const cut = `${characters
      .slice(0, count)
      .join('')
      .replace(/[-_. ]+$/, '')}…`;
    if (textWidth(cut, size) <= width) return cut;
  }
  return '';
}

/** The first of several names that fits as a whole, or else as much of the last as fits. */
export function fitOneOf(names: readonly string[], size: number, width: number): string {
  return names.find((name) => textWidth(name, size) <= width) ?? fitText(names[names.length - 1] ?? '', size, width);
}
