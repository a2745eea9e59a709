import type { GuestMachine } from './machine.js';

/** What belongs to the machine that a guest is on: cache lines, channels and timers, by their numbers. */
const machinesOwn = /^(line|channel|timer|\w+(Line|Channel|Timer))$/;

/** Takes all of an object over but what belongs to the machine; both have the same fields. */
function takeOver(into: object, from: object): void {
  const target = into as Record<string, unknown>;
  for (const [name, value] of Object.entries(from)) {
    if (typeof value === 'number') {
      if (!machinesOwn.test(name)) target[name] = value;
    } else if (Array.isArray(value) && value.some((element) => typeof element === 'object' && element !== null)) {
      const own = target[name] as object[];
      value.forEach((element, index) => {
        if (Array.isArray(element)) own[index] = [...element];
        else takeOver(own[index] as object, element as object);
      });
    } else if (Array.isArray(value)) {
      target[name] = [...value];
    } else {
      takeOver(target[name] as object, value as object);
    }
  }
}

/**
 * The memory of a guest goes to another machine on which the same guest was made: what its programs have stored, and what it shares with
 * the hypervisor. A poll of the guest's own that is under way is over, for it goes by time, which passed.
 */
export function moveGuestMemory(from: GuestMachine, to: GuestMachine, vm: number): void {
  takeOver(to.guests[vm] as object, from.guests[vm] as object);
  takeOver(to.linux[vm] as object, from.linux[vm] as object);
  const numbers = to.vcpus.filter((vcpu) => vcpu.vm === vm).map(({ id }) => id);
  const sources = from.vcpus.filter((vcpu) => vcpu.vm === vm).map(({ id }) => id);
  numbers.forEach((id, index) => {
    takeOver(to.paravirt[id] as object, from.paravirt[sources[index] ?? -1] as object);
  });
  for (const { pollTimer } of to.linux[vm]?.cpus ?? []) {
    const timer = to.timers[pollTimer];
    if (timer !== undefined) timer.expired = 1;
  }
}
