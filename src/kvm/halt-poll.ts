/**
 * What the first size is to windows that are not 0: nothing (before 5.1, where it was a constant), what they grow to at least, or also
 * what they are dropped below (from 5.15).
 */
export const HaltPollFloor = { none: 0, grow: 1, both: 2 } as const;

/** The parameters of halt polling, all times in one unit. Module parameters `halt_poll_ns`, `halt_poll_ns_grow`, … */
export interface HaltPollParameters {
  readonly haltPollMax: number;
  readonly haltPollGrow: number;
  readonly haltPollGrowStart: number;
  readonly haltPollShrink: number;
  /** {@link HaltPollFloor}. */
  readonly haltPollFloor: number;
}

/** A larger window; not capped here, but when it is used. Linux `grow_halt_poll_ns`. */
function grow(window: number, { haltPollGrow, haltPollGrowStart, haltPollFloor }: HaltPollParameters): number {
  if (haltPollGrow === 0) return window;
  if (window > 0 && haltPollFloor === HaltPollFloor.none) return Math.round(window * haltPollGrow);
  return Math.max(Math.round(window * haltPollGrow), haltPollGrowStart);
}

/** A smaller window; none if that is all that is left of it. Linux `shrink_halt_poll_ns`. */
function shrink(window: number, { haltPollShrink, haltPollGrowStart, haltPollFloor }: HaltPollParameters): number {
  const smaller = haltPollShrink === 0 ? 0 : Math.floor(window / haltPollShrink);
  return haltPollFloor === HaltPollFloor.both && smaller < haltPollGrowStart ? 0 : smaller;
}

/**
 * The halt-polling window after a halt. A halt within it leaves it; a longer one than the maximum makes it smaller, a shorter one makes it
 * larger. Linux `kvm_vcpu_halt`; Documentation/virt/kvm/halt-polling.rst.
 *
 * @param window - before, not above the maximum
 * @param halted - how long the virtual CPU was halted, polling included
 */
export function adjustHaltPoll(window: number, halted: number, parameters: HaltPollParameters): number {
  const { haltPollMax } = parameters;
  if (haltPollMax === 0) return 0;
  if (halted <= window) return window;
  if (window > 0 && halted > haltPollMax) return shrink(window, parameters);
  if (window < haltPollMax && halted < haltPollMax) return grow(window, parameters);
  return window;
}
