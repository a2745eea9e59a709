import { readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { asVectorFile, replayVectors, type VectorFile } from '../../src/testing/conformance.js';

const directory = new URL('../data/vectors/', import.meta.url);

function load(name: string): VectorFile {
  return asVectorFile(JSON.parse(gunzipSync(readFileSync(new URL(name, directory))).toString('utf8')));
}

/** Steps in each file: a file that lost some, or a replay that skips some, does not pass. */
const steps: Readonly<Record<string, number>> = {
  'apic-page-1.json.gz': 7017,
  'apic-page-2.json.gz': 5571,
  'apic-page-sweep.json.gz': 3240,
  'cr8.json.gz': 4046,
  'local-apic-1.json.gz': 6522,
  'local-apic-2.json.gz': 4628,
  'posted-interrupt-1.json.gz': 7000,
  'posted-interrupt-2.json.gz': 5340,
  'virtual-interrupt-1.json.gz': 7410,
  'virtual-interrupt-2.json.gz': 7388,
  'virtual-interrupt-3.json.gz': 4039,
  'x2apic-msr-1.json.gz': 7716,
  'x2apic-msr-2.json.gz': 403,
  'x2apic-msr-sweep.json.gz': 1726,
};

describe('conformance vectors', () => {
  it('are all here', () => {
    expect(readdirSync(directory).sort()).toEqual(Object.keys(steps));
  });

  it.each(Object.keys(steps))('%s: every step does what an independent emulator did', (name) => {
    const report = replayVectors(load(name), name);
    expect(report.failures.slice(0, 3)).toEqual([]);
    expect({ passed: report.passed, failed: report.failed }).toEqual({ passed: steps[name], failed: 0 });
  });
});
