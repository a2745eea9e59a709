import { avic } from './avic.js';
import { ipiByHypercall } from './ipi-by-hypercall.js';
import { ipiInKvmGuest } from './ipi-in-kvm-guest.js';
import { ipiVirtualizationSeries } from './ipi-virtualization-series.js';
import { otherUnitTests } from './other-unit-tests.js';
import type { PublishedFigure } from './published-figure.js';
import { skylakeUnitTests } from './skylake-unit-tests.js';
import { timerLatency } from './timer-latency.js';

/** Every published figure that a scenario is held against: a figures file. */
export const publishedFigures: { readonly figures: readonly PublishedFigure[] } = {
  figures: [
    ...ipiVirtualizationSeries,
    ...skylakeUnitTests,
    ...timerLatency,
    ...ipiInKvmGuest,
    ...ipiByHypercall,
    ...otherUnitTests,
    ...avic,
  ],
};
