// As a user of node:test writes it.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { checkVmEntry } from 'vmx-apic/arch';
import { arbitraries, checkCase, compareSystems, MachineSystem, ReferenceSystem } from 'vmx-apic/testing';

const any = arbitraries(fc);

describe('properties under node:test', () => {
  test('a VMCS that breaks a rule does not pass VM entry', () => {
    const broken = ({ vmcs, context, rule }) => checkVmEntry(vmcs, context).every((failure) => failure.rule === rule);
    fc.assert(fc.property(any.brokenVmcs(), broken), { seed: 1 });
  });

  test('the laws of delivery hold on whole machines', () => {
    fc.assert(
      fc.property(any.interruptCase(), (input) => void checkCase(input)),
      { seed: 1, numRuns: 20 },
    );
  });

  test('a machine does what bare local APICs do', () => {
    const machines = [{ host: { kernel: '6.12' }, topology: { coresPerSocket: 3 }, vms: [{ vcpus: 2 }] }];
    const same = (steps) => {
      const reference = new ReferenceSystem({ cpus: 2, apicMode: 'x2apic' });
      assert.equal(compareSystems(reference, new MachineSystem({ machines }), steps)?.story, undefined);
    };
    fc.assert(fc.property(any.systemSteps({ cpus: 2 }), same), { seed: 1, numRuns: 20 });
  });
});
