import { text } from '../svg.js';
import { size } from './style.js';

/** Something to say of a moment: listed below its panel. */
export interface ChartNote {
  /** When. */
  readonly time: number;
  /** The processor that it is of; -1 for none. */
  readonly processor: number;
  readonly text: string;
  /** True for what is wrong: marked in the panel, too. */
  readonly wrong?: boolean;
}

const row = 15;

/** How much room notes take from top to bottom. */
export function notesHeight(notes: readonly ChartNote[]): number {
  return notes.length === 0 ? 0 : row * notes.length + size.heading + 20;
}

/** Notes, a line each: when after `from`, who, what. */
export function drawNotes(
  notes: readonly ChartNote[],
  title: string,
  from: number,
  left: number,
  top: number,
): string[] {
  if (notes.length === 0) return [];
  const first = top + size.heading + 6;
  return [
    text(left, top + size.heading, 'heading', title),
    ...notes.flatMap(({ time, processor, text: what, wrong }, index) => {
      const y = first + row * (index + 1);
      return [
        text(left + 26, y, 'note', String(time - from), { 'text-anchor': 'end' }),
        text(left + 36, y, 'note', processor < 0 ? '' : `CPU ${processor}`),
        text(left + 84, y, wrong === true ? 'said-wrong' : 'said', what),
      ];
    }),
  ];
}
