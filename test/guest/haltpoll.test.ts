import { describe, expect, test } from 'vitest';
import { noLinuxGuest } from '../../src/guest/linux/create-linux-guest.js';
import { adjustPollLimit, haltpollPolls } from '../../src/guest/linux/haltpoll.js';
import type { LinuxCpu, LinuxGuest } from '../../src/guest/linux/state.js';

// The guest's own halt polling with its defaults, in nanoseconds: 200000, grow 2 from 50000, shrink 2.

const guest: LinuxGuest = {
  ...noLinuxGuest(),
  haltPollMax: 200_000,
  haltPollGrow: 2,
  haltPollGrowStart: 50_000,
  haltPollShrink: 2,
};

function windowAfter(limit: number, ...residencies: number[]): number {
  const cpu = { pollLimit: limit } as LinuxCpu;
  for (const residency of residencies) adjustPollLimit(cpu, guest, residency);
  return cpu.pollLimit;
}

describe('the window', () => {
  test('begins with the first halt that would have fitted', () => {
    expect(windowAfter(0, 10_000)).toBe(50_000);
  });

  test('doubles while halts are longer than it, up to the maximum', () => {
    expect(windowAfter(50_000, 80_000)).toBe(100_000);
    expect(windowAfter(50_000, 80_000, 150_000, 190_000)).toBe(200_000);
  });

  test('stays when the halt was within it', () => {
    expect(windowAfter(100_000, 70_000)).toBe(100_000);
  });

  test('halves when the halt was longer than the maximum, and goes with a factor of 0', () => {
    expect(windowAfter(200_000, 300_000)).toBe(100_000);
    const cpu = { pollLimit: 200_000 } as LinuxCpu;
    adjustPollLimit(cpu, { ...guest, haltPollShrink: 0 }, 300_000);
    expect(cpu.pollLimit).toBe(0);
  });
});

test('polls while there is a window, but halts after a poll in vain; after the halt it polls again', () => {
  const polls = (pollLimit: number, lastState: number, pollExpired: number) =>
    haltpollPolls({ pollLimit, lastState, pollExpired } as LinuxCpu);
  expect(polls(0, 1, 0)).toBe(false);
  expect(polls(50_000, 0, 0)).toBe(true);
  expect(polls(50_000, 0, 1)).toBe(false);
  expect(polls(50_000, 1, 1)).toBe(true);
});
