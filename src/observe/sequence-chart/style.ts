/** What a bar of the chart stands for: who spends the time. */
export type Category = 'guest' | 'processor' | 'switch' | 'hypervisor' | 'wait';

/** The categories in the order of the legend, and what it calls them. */
export const categories: readonly (readonly [Category, string])[] = [
  ['guest', 'guest code'],
  ['processor', 'processor: instructions, interrupt virtualization'],
  ['switch', 'VM exit, VM entry'],
  ['hypervisor', 'hypervisor code'],
  ['wait', 'waiting'],
];

/** Sizes of type, in the unit of the picture. */
export const size = { title: 17, heading: 13.5, lane: 12, mode: 10.5, bar: 10.5, axis: 11 } as const;

const fonts = "'Helvetica Neue', Helvetica, Arial, 'Liberation Sans', sans-serif";

/** The style sheet. Its classes begin with `id`, so that charts in one page do not meet. */
export function styleSheet(id: string, notes = false): string {
  const rules: readonly (readonly [string, string])[] = [
    ['text', `font-family:${fonts};fill:#1f2733`],
    ['.card', 'fill:#fff;stroke:#d5dae1'],
    ['.title', `font-size:${size.title}px;font-weight:700`],
    ['.heading', `font-size:${size.heading}px;font-weight:700`],
    ['.note', `font-size:${size.axis}px;fill:#566070`],
    ['.lane', `font-size:${size.lane}px;font-weight:700`],
    ['.mode', `font-size:${size.mode}px;fill:#4a5564`],
    ['.label', `font-size:${size.bar}px;fill:#14202e`],
    ['.label-off', `font-size:${size.bar}px;fill:#5d6878`],
    ['.label-wait', `font-size:${size.bar}px;fill:#14202e;stroke:#f4f7fb;stroke-width:3.5px;paint-order:stroke`],
    ['.in-guest', 'fill:#edf3fb'],
    ['.in-root', 'fill:#fdeee0'],
    ['.guest', 'fill:#9cc3ee'],
    ['.processor', 'fill:#8fd3b6'],
    ['.switch', 'fill:#ee8d82'],
    ['.hypervisor', 'fill:#f5bd74'],
    ['.wait', `fill:url(#${id}-hatch)`],
    ['.bar', 'stroke:#fff;stroke-width:.8'],
    ['.off', 'opacity:.42'],
    ['.grid', 'stroke:#e3e7ec;stroke-width:1'],
    ['.tick', 'stroke:#8a94a3;stroke-width:1'],
    ['.end', 'stroke:#1f2733;stroke-width:1.2;stroke-dasharray:4 3'],
    ['.path', 'stroke:#3b3fb6;stroke-width:2.6;fill:none'],
    ['.arrow', 'stroke:#3b3fb6;stroke-width:1.6;fill:none'],
    ['.arrow-off', 'stroke:#8a94a3;stroke-width:1.2;fill:none'],
    ['.arrow-head', 'fill:#3b3fb6'],
    ['.arrow-off-head', 'fill:#8a94a3'],
    ['.arrow-label', `font-size:${size.mode}px;fill:#3b3fb6`],
  ];
  const said: typeof rules = [
    ['.said', `font-size:${size.axis}px`],
    ['.said-wrong', `font-size:${size.axis}px;font-weight:700;fill:#b3261e`],
    ['.wrong', 'stroke:#b3261e;stroke-width:2'],
  ];
  return (notes ? [...rules, ...said] : rules).map(([selector, body]) => `#${id} ${selector}{${body}}`).join('\n');
}
