import type { CostStatus } from './profile.js';

/** Times of the interconnect, by distance: they follow no core's clock. */
export interface InterconnectCosts {
  /** Nanoseconds for same thread, SMT sibling, same socket, other socket. */
  readonly ns: readonly [number, number, number, number];
  /** Between which values the time within a socket is plausible, in nanoseconds. */
  readonly range: readonly [number, number];
  readonly status: CostStatus;
  readonly source: string;
}

/** What the interconnect does, for processors that have no numbers of their own: those of the Skylake-SP mesh. */
export const interconnectPaths: Readonly<
  Record<string, InterconnectCosts & { readonly keys: Readonly<Record<string, number>> }>
> = {
  lineTransfer: {
    ns: [0, 7.4, 48, 136],
    range: [40, 60],
    status: 'taken',
    source:
      'median one-way message of one cache line on a Xeon Gold 6242 (core-to-core-latency, nviennot): Cascade Lake has the core and the mesh of Skylake-SP, which has no row there',
    keys: { lineTransfer: 1 },
  },
  ipiFlight: {
    ns: [120, 200, 250, 375],
    range: [125, 400],
    status: 'estimated',
    source:
      'from the ICR write to the arrival at the other local APIC: an IPI round trip of 1500 cycles on a bare host (passthrough RFC, msg 0C23CC2D) less two transfers and the way through the IDT; 50 to 250 ns more across sockets',
    keys: { ipiFlight: 1, doorbellFlight: 1 },
  },
};
