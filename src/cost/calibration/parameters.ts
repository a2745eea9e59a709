import { guestPaths } from '../guest-paths.js';
import { hardwarePaths } from '../hardware-paths.js';
import { hostPaths } from '../host-paths.js';
import { interconnectPaths } from '../interconnect-paths.js';
import { kernelPaths } from '../kernel-paths.js';
import { mitigationPaths } from '../mitigation-paths.js';
import { ownerOf, type Processor } from '../processor.js';
import type { CostStatus } from '../profile.js';

/** A number that calibration may change. */
export interface Parameter {
  /** A shared group, as `sendSoftware`, or a processor's own, as `skylake-sp.vmExit` and `sapphire-rapids.scale`. */
  readonly name: string;
  /** Only figures of this processor depend on it; all do if not given. */
  readonly processor?: string | undefined;
  /** The estimate that stands with the range. */
  readonly estimate: number;
  readonly range: readonly [number, number];
  readonly source: string;
  /** Whether no published figure depends on it: its sensitivities are not looked for. */
  readonly unconstrained?: boolean | undefined;
}

interface Estimated {
  readonly cycles: number;
  readonly range: readonly [number, number];
  readonly status: CostStatus;
  readonly source: string;
}

/**
 * The numbers of the library that are not taken from a source as they are: shared groups, and what the processors have of their own.
 */
export function parametersOf(processors: readonly Processor[]): Parameter[] {
  const parameters: Parameter[] = [];
  const add = (name: string, { cycles, range, status, source }: Estimated, processor?: string): void => {
    if (status === 'taken') return;
    const unconstrained = status === 'unconstrained';
    parameters.push({ name, estimate: cycles, range, source, unconstrained, processor });
  };
  for (const paths of [kernelPaths, hostPaths, guestPaths, hardwarePaths, mitigationPaths]) {
    for (const [name, costs] of Object.entries(paths)) add(name, costs);
  }
  for (const [name, costs] of Object.entries(interconnectPaths)) add(name, { ...costs, cycles: costs.ns[2] });
  for (const processor of processors) {
    const { name: of, scale, hardware, interconnect } = processor;
    // What it has from a relative is that one's parameter.
    if (ownerOf(processor, (other) => other.scale) === processor) add(`${of}.scale`, scale, of);
    for (const [name, costs] of Object.entries(hardware)) {
      if (ownerOf(processor, (other) => other.hardware[name]) === processor) add(`${of}.${name}`, costs, of);
    }
    for (const [name, costs] of Object.entries(interconnect)) {
      if (ownerOf(processor, (other) => other.interconnect[name]) !== processor) continue;
      add(`${of}.${name}`, { ...costs, cycles: costs.ns[2] }, of);
    }
  }
  return parameters;
}
