import { commonCallers, type ModeSpan, modeSpans, nestedSlices, type Slice } from '../slices.js';
import { sliceTrace, type Trace } from '../trace.js';
import type { Category } from './style.js';

/** A bar of a lane. */
export interface Bar {
  /** The names to try, longest first. */
  readonly labels: readonly string[];
  readonly category: Category;
  /** True of a stage or a wait, false of a routine around some. */
  readonly leaf: boolean;
  readonly row: number;
  readonly start: number;
  readonly end: number;
  /** Where the next bar of the row begins: a label may reach that far. */
  readonly room: number;
}

/** A processor in a panel: its modes as background, its routines and stages as bars. */
export interface Lane {
  readonly processor: number;
  /** The virtual CPU that it had, -1 for none or several. */
  readonly vcpu: number;
  readonly modes: readonly ModeSpan[];
  readonly bars: readonly Bar[];
  readonly rows: number;
}

function categoryOf(slice: Slice, mode: ModeSpan): Category {
  if (slice.type === 'wait') return 'wait';
  if (slice.kind === 'program') return mode.guest ? 'guest' : 'hypervisor';
  // In root operation what the processor does at the edges is the way from and to the guest.
  const edge = slice.start === mode.start || slice.end === mode.end;
  return !mode.guest && mode.vcpu >= 0 && edge ? 'switch' : 'processor';
}

function barsOf(trace: Trace, mode: ModeSpan, hidden: number, rows: number): Omit<Bar, 'room'>[] {
  return nestedSlices(trace, mode.spans)
    .filter((slice) => slice.depth >= hidden && slice.depth - hidden < rows)
    .map((slice) => {
      const leaf = slice.type !== 'routine';
      const full = `${slice.routine}.${slice.name}`;
      return {
        // A stage whose routine is not drawn says what routine it is of.
        labels: leaf && slice.depth === hidden ? [full, slice.name] : [slice.name],
        category: categoryOf(slice, mode),
        leaf,
        row: slice.depth - hidden,
        start: slice.start,
        end: slice.end,
      };
    });
}

/** Adds to each bar, of a lane in the order of time, where the next one in its row begins. */
function withRoom(bars: readonly Omit<Bar, 'room'>[], last: number): Bar[] {
  const next: number[] = [];
  return bars
    .toReversed()
    .map((bar): Bar => {
      const room = next[bar.row] ?? last;
      next[bar.row] = bar.start;
      return { ...bar, room };
    })
    .reverse();
}

/**
 * The lanes of all processors that did something between two times. Routines in which a processor was all the time it was in a mode
 * are left out: they say nothing.
 *
 * @param rows - the most rows of bars a lane may have
 */
export function lanesOf(trace: Trace, from: number, to: number, rows: number): Lane[] {
  const window = sliceTrace(trace, from, to);
  const byProcessor = new Map<number, ModeSpan[]>();
  for (const mode of modeSpans(window)) {
    const list = byProcessor.get(mode.processor);
    if (list === undefined) byProcessor.set(mode.processor, [mode]);
    else list.push(mode);
  }
  return [...byProcessor].map(([processor, modes]): Lane => {
    const hidden = (guest: boolean): number =>
      commonCallers(
        window,
        modes.filter((mode) => mode.guest === guest).flatMap((mode) => mode.spans),
      );
    const [inRoot, inGuest] = [hidden(false), hidden(true)];
    const bars = withRoom(
      modes.flatMap((mode) => barsOf(window, mode, mode.guest ? inGuest : inRoot, rows)),
      (modes[modes.length - 1] as ModeSpan).end,
    );
    const vcpus = new Set(modes.map((mode) => mode.vcpu));
    return {
      processor,
      vcpu: vcpus.size === 1 ? (modes[0] as ModeSpan).vcpu : -1,
      modes,
      bars,
      rows: bars.reduce((most, bar) => Math.max(most, bar.row + 1), 1),
    };
  });
}
