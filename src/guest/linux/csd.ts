import { notify } from '../../engine/requests.js';
import type { LogicalProcessor } from '../../hardware/machine.js';
import { cpuOf, type GuestMachine } from '../machine.js';
import { CsdSlot, type LinuxCpu } from './state.js';

/** True while CSD_FLAG_LOCK of a csd is set. `target` says which, of those for many targets. */
export function isCsdLocked(caller: LinuxCpu, slot: number, target: number): boolean {
  if (slot === CsdSlot.cfd) return caller.cfdLocked[target] === 1;
  return (slot === CsdSlot.stack ? caller.stackLocked : caller.dataLocked) === 1;
}

/** Sets or clears CSD_FLAG_LOCK. */
export function setCsdLocked(caller: LinuxCpu, slot: number, target: number, locked: number): void {
  if (slot === CsdSlot.cfd) caller.cfdLocked[target] = locked;
  else if (slot === CsdSlot.stack) caller.stackLocked = locked;
  else caller.dataLocked = locked;
}

/** The cache line of a csd: each is aligned to its size, and in a line of its own. */
export function csdLine(caller: LinuxCpu, slot: number, target: number): number {
  if (slot === CsdSlot.cfd) return caller.cfdLine + target;
  return slot === CsdSlot.stack ? caller.stackLine : caller.dataLine;
}

/** Linux `csd_unlock`: the caller, who may wait for it, sees it. */
export function csdUnlock(machine: GuestMachine, processor: LogicalProcessor, tag: number, target: number): void {
  const caller = cpuOf(machine, processor, tag >>> 3);
  setCsdLocked(caller, tag & 3, target, 0);
  notify(machine, caller.csdChannel);
}
