import { observe } from '../engine/requests.js';
import { type KvmMachine, type KvmVcpu, vmOf } from './machine.js';
import { KvmRecord } from './records.js';

/** The parameters of pause-loop exiting, module parameters of kvm-intel. Times in TSC cycles. */
export interface PleParameters {
  /** `ple_window`. */
  readonly pleWindow: number;
  /** `ple_window_grow`: 0 resets; below `ple_window` a factor, otherwise added. */
  readonly pleWindowGrow: number;
  /** `ple_window_shrink`: the same, dividing or subtracting. */
  readonly pleWindowShrink: number;
  /** `ple_window_max`. */
  readonly pleWindowMax: number;
}

/** The window after an exit of a PAUSE loop. Linux `__grow_ple_window`. */
export function growPleWindow(window: number, parameters: PleParameters): number {
  const { pleWindow: base, pleWindowGrow: by, pleWindowMax: most } = parameters;
  if (by < 1) return base;
  return Math.min(by < base ? window * by : window + by, most);
}

/** The window when its virtual CPU is switched in. Linux `__shrink_ple_window`. */
export function shrinkPleWindow(window: number, parameters: PleParameters): number {
  const { pleWindow: base, pleWindowShrink: by } = parameters;
  if (by < 1) return base;
  return Math.max(by < base ? Math.floor(window / by) : window - by, base);
}

/** Changes the window of a virtual CPU. Linux `grow_ple_window`, `shrink_ple_window`. */
export function setPleWindow(
  machine: KvmMachine,
  vcpu: KvmVcpu,
  change: (window: number, parameters: PleParameters) => number,
): void {
  const vm = vmOf(machine, vcpu);
  if (vm.pauseInGuest === 1) return;
  const old = vcpu.pleWindow;
  vcpu.pleWindow = change(old, vm);
  if (vcpu.pleWindow !== old) observe(machine, KvmRecord.pleWindow, old, vcpu.pleWindow);
}
