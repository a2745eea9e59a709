import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { root } from '../../scripts/docs-blocks.mjs';

// The built command as a user runs it: what it prints, where, and how it ends.

const folder = mkdtempSync(join(tmpdir(), 'vmx-apic-command-'));
const good = { workload: { kind: 'vmexit', test: 'ipi', iterations: 5 } };

function write(name: string, content: unknown): string {
  const text = typeof content === 'string' ? content : JSON.stringify(content);
  writeFileSync(join(folder, name), text);
  return name;
}

function vmxApic(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'dist/cli/main.js'), ...args], {
    cwd: folder,
    encoding: 'utf8',
    // A report of 72 virtual CPUs is longer than the megabyte that is the default.
    maxBuffer: 64 * 2 ** 20,
  });
  return { status, stdout, stderr };
}

beforeAll(() => {
  write('good.json', good);
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe('vmx-apic run', () => {
  test('--json prints one document and nothing else', () => {
    const { status, stdout, stderr } = vmxApic('run', 'good.json', '--json');
    expect(stderr).toBe('');
    expect(status).toBe(0);
    const report = JSON.parse(stdout);
    expect(Object.keys(report)).toEqual(expect.arrayContaining(['scenario', 'profile', 'variants']));
    const [variant] = report.variants;
    expect(Object.keys(variant.latencyCycles).sort()).toEqual(['max', 'mean', 'min', 'n', 'p50', 'p99']);
    expect(variant.latencyCycles.n).toBe(5);
    expect(variant.latencyNs.mean).toBeCloseTo(variant.latencyCycles.mean / 2);
    expect(variant.cpu).toMatchObject({ haltPoll: 0, idle: 0 });
    expect(variant.interrupts).toEqual({ sent: 5, delivered: 5, coalesced: 0 });
  });

  test('runs the preset to the published figures', () => {
    const { status, stdout } = vmxApic('run', 'ipi-virtualization', '--json');
    expect(status).toBe(0);
    const { variants } = JSON.parse(stdout);
    expect(variants.map((variant: { name: string }) => variant.name)).toEqual([
      'xAPIC',
      'xAPIC, IPI virtualization',
      'x2APIC',
      'x2APIC, IPI virtualization',
    ]);
    for (const { published } of variants) {
      for (const { errorPct } of published) expect(Math.abs(errorPct)).toBeLessThan(5);
    }
  });

  test('--set changes the scenario: numbers, strings, costs of a named profile', () => {
    const mean = (...settings: string[]) => {
      const args = settings.flatMap((setting) => ['--set', setting]);
      return JSON.parse(vmxApic('run', 'good.json', '--json', ...args).stdout).variants[0].latencyCycles.mean;
    };
    const ipiv = mean('vms[0].features.ipiVirtualization=true');
    const exit = mean('vms[0].features.ipiVirtualization=false');
    expect(exit).toBeGreaterThan(ipiv);
    const dear = (features: string, cycles: number) =>
      mean(`vms[0].features.ipiVirtualization=${features}`, `profile.set.vmExit=${cycles}`);
    expect(dear('false', 1500) - dear('false', 1000)).toBe(500);
    expect(dear('true', 1500)).toBe(ipiv);
    expect(mean('vms[0].apicMode=xapic')).toBeGreaterThan(ipiv);
  });

  test('writes a picture and traces', () => {
    const files = ['chart.svg', 'trace.json', 'trace.txt', 'stacks.folded'];
    const [svg = '', perfetto = '', ftrace = '', folded = ''] = files;
    const { status } = vmxApic(
      ...['run', 'ipi-virtualization', '--set', 'runs=1', '--svg', svg, '--perfetto', perfetto],
      ...['--ftrace', ftrace, '--folded', folded],
    );
    expect(status).toBe(0);
    const read = (name: string) => readFileSync(join(folder, name), 'utf8');
    expect(read(svg)).toMatch(/^<svg.*<\/svg>\s*$/s);
    const { traceEvents } = JSON.parse(read(perfetto));
    const processes = traceEvents.filter((event: { name?: string }) => event.name === 'process_name');
    expect(new Set(processes.map((event: { pid: number }) => event.pid)).size).toBe(processes.length);
    expect(read(ftrace)).toMatch(/kvm_exit: +vcpu 0 reason APIC_WRITE/);
    expect(read(folded)).toMatch(/^x2APIC, IPI virtualization;vcpu0;[^\n]* \d+$/m);
  });

  test('--variant picks variants by name', () => {
    const { stdout } = vmxApic('run', 'ipi-virtualization', '--variant', 'x2APIC', '--json');
    expect(JSON.parse(stdout).variants).toHaveLength(2);
  });
});

describe('vmx-apic sweep', () => {
  const args = ['sweep', 'good.json', '--param', 'profile.set.vmExit=300..700:3', '--threads', '2'];

  test('prints a table with the front, and draws it', () => {
    const { status, stdout, stderr } = vmxApic(...args, '--svg', 'sweep.svg');
    expect(stderr).toBe('');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^profile\.set\.vmExit +mean ns/m);
    expect(stdout).toMatch(/^ +300 .* front$/m);
    expect(readFileSync(join(folder, 'sweep.svg'), 'utf8')).toMatch(/^<svg.*<\/svg>\s*$/s);
  });

  test('--json is the same for any number of threads', () => {
    const { stdout } = vmxApic(...args, '--json');
    const report = JSON.parse(stdout);
    expect(report.points).toEqual([[300], [500], [700]]);
    expect(report.rows.map((row: { point: number }) => row.point)).toEqual([0, 1, 2]);
    expect(vmxApic(...args.slice(0, 4), '--threads', '1', '--json').stdout).toBe(stdout);
  });

  test('--save keeps what is done, even with a line cut short, and the same command goes on from it', () => {
    const whole = vmxApic(...args, '--json', '--save', 'sweep.jsonl').stdout;
    const lines = readFileSync(join(folder, 'sweep.jsonl'), 'utf8').split('\n');
    expect(lines).toHaveLength(5);
    write('sweep.jsonl', `${lines.slice(0, 2).join('\n')}\n${(lines[2] ?? '').slice(0, 20)}`);
    expect(vmxApic(...args, '--json', '--save', 'sweep.jsonl').stdout).toBe(whole);
    expect(readFileSync(join(folder, 'sweep.jsonl'), 'utf8').split('\n')).toHaveLength(5);
    const other = vmxApic('sweep', 'good.json', '--param', 'seed=1,2', '--save', 'sweep.jsonl');
    expect(other.status).toBe(2);
    expect(other.stderr).toContain('sweep.jsonl: is not the file of this sweep');
  });

  test('Ctrl-C keeps what is done', async () => {
    const child = spawn(
      process.execPath,
      [join(root, 'dist/cli/main.js'), 'sweep', 'good.json', '--param', 'seed=1..2000:2000', '--save', 'long.jsonl'],
      { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    let out = '';
    child.stdout.on('data', (text) => {
      out += text;
    });
    const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
    const file = join(folder, 'long.jsonl');
    while (!existsSync(file) || readFileSync(file, 'utf8').split('\n').length < 4) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    child.kill('SIGINT');
    expect(await ended).toBe(130);
    expect(out).toMatch(/^\d+ of 2000 points/m);
    expect(readFileSync(file, 'utf8')).toMatch(/\n$/);
  });
});

describe('vmx-apic analyze', () => {
  test('reads what run --ftrace writes: the same exits, and that IPI virtualization would save them', () => {
    vmxApic('run', 'good.json', '--set', 'vms[0].features.ipiVirtualization=false', '--ftrace', 'host.txt');
    const { status, stdout, stderr } = vmxApic('analyze', 'host.txt');
    expect(stderr).toBe('');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^ +MSR_WRITE +\d+ +100\.00%/m);
    expect(stdout).toMatch(/^ipiVirtualization +\d+ +100\.0 %/m);
    const { exits } = JSON.parse(vmxApic('analyze', 'host.txt', '--json').stdout);
    expect(exits).toHaveLength(1);
  });

  test('says what cannot happen in a trace, with the line', () => {
    vmxApic('run', 'good.json', '--set', 'vms[0].features.apicv=false', '--ftrace', 'whole.txt');
    const whole = vmxApic('analyze', 'whole.txt', '--check');
    expect([whole.status, whole.stderr]).toEqual([0, '']);
    expect(whole.stdout).toContain('Nothing is broken.');
    expect(whole.stdout).toMatch(/^nothing spurious +\d+$/m);
    const lines = readFileSync(join(folder, 'whole.txt'), 'utf8').split('\n');
    const entry = lines.findLastIndex((line) => line.includes('kvm_entry:'));
    lines.splice(entry, 0, lines[entry] as string);
    writeFileSync(join(folder, 'broken.txt'), lines.join('\n'));
    const broken = vmxApic('analyze', 'broken.txt', '--check');
    expect([broken.status, broken.stderr]).toEqual([1, '']);
    expect(broken.stdout).toContain(`broken.txt:${entry + 2}: BROKEN, entry and exit alternate: thread `);
    const { check } = JSON.parse(vmxApic('analyze', 'broken.txt', '--check', '--json').stdout);
    expect(check.broken).toMatchObject([{ law: 'entry and exit alternate', line: entry + 2 }]);
    expect(vmxApic('analyze', 'broken.txt').status).toBe(0);
  });
});

describe('bad usage and bad input end with status 2 and one line', () => {
  const broken = { ...good, topology: { coresPerSocket: 8 }, vms: [{ pinning: [0, 9] }] };
  test.each<[string[], string]>([
    [[], 'which command?'],
    [['runn'], "'runn' is not a command"],
    [['run'], 'run: which preset or scenario file?'],
    [['run', 'no-such-preset'], "there is no preset 'no-such-preset' (there are: ipi-virtualization"],
    [['run', './absent.json'], './absent.json: cannot be read (ENOENT)'],
    [['run', 'not.json'], 'not.json: is not JSON'],
    [['run', 'broken.json'], 'vms[0].pinning[1]: logical processor 9 does not exist (8 available)'],
    [['run', 'unknown.json'], 'workloads: is not a known key'],
    [['run', 'good.json', '--set', 'seed'], '--set seed: expected path=value'],
    [['run', 'good.json', '--set', 'vms[3].vcpus=2'], 'vms[3].vcpus: element 3 does not exist'],
    [['run', 'good.json', '--set', 'seed=abc'], 'seed: "abc" is not'],
    [['run', 'good.json', '--set', 'profile.set.nothing=1'], 'profile.set.nothing: the profile'],
    [['run', 'good.json', '--speed'], "Unknown option '--speed'"],
    [['run', 'good.json', 'other.json'], "one scenario at a time, not also 'other.json'"],
    [['run', 'ipi-virtualization', '--variant', 'avic'], '--variant avic: no variant has that in its name'],
    [['run', 'good.json', '--svg', 'absent/chart.svg'], 'absent/chart.svg: cannot be written (ENOENT)'],
    [['sweep'], 'sweep: which preset or scenario file?'],
    [['sweep', 'good.json'], 'sweep: over what?'],
    [['sweep', 'good.json', '--param', 'seed=1', '--threads', '0'], '--threads 0: expected a number from 1 to 1024'],
    [['sweep', 'good.json', '--param', 'sead=1..2'], 'sead: is not a known key'],
    [['analyze'], 'analyze: which trace?'],
    [['analyze', 'good.json'], 'good.json:1: is not a line of trace-cmd report, perf script or ftrace'],
    [['analyze', 'absent.txt'], 'absent.txt: cannot be read (ENOENT)'],
    [['conform'], 'conform: which vector files?'],
    [['conform', 'good.json'], 'good.json: '],
    [['conform', 'absent.json'], 'absent.json: cannot be read'],
  ])('%j', (args, message) => {
    write('broken.json', broken);
    write('not.json', '{ "name": ');
    write('unknown.json', { ...good, workloads: [] });
    const { status, stdout, stderr } = vmxApic(...args);
    expect(stderr).toContain(message);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(stdout).toBe('');
    expect(status).toBe(2);
  });
});

describe('the rest of the command', () => {
  test('--help and --version', () => {
    expect(vmxApic('--help')).toMatchObject({
      status: 0,
      stderr: '',
      stdout: expect.stringContaining('usage: vmx-apic'),
    });
    expect(vmxApic('run', '--help').stdout).toContain('--set path=value');
    expect(vmxApic('--version').stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  test('every preset that is listed is a scenario that can be run from a file', () => {
    const presets = JSON.parse(vmxApic('presets', '--json').stdout);
    expect(Object.keys(presets)).toContain('ipi-virtualization');
    for (const [name, preset] of Object.entries(presets)) {
      write('preset.json', { ...(preset as object), runs: 1 });
      expect(vmxApic('run', 'preset.json', '--json').status, name).toBe(0);
    }
  });

  test('conform: status 0 if all steps agree, 1 if one does not', () => {
    const vectors = join(root, 'test/data/vectors/cr8.json.gz');
    expect(vmxApic('conform', vectors, '--json')).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('"failed": 0'),
    });
    const sequence = {
      id: 'wrong',
      controls: {
        useTprShadow: true,
        virtualizeApicAccesses: false,
        virtualizeX2apicMode: false,
        apicRegisterVirtualization: false,
        virtualInterruptDelivery: false,
        interruptWindowExiting: false,
        externalInterruptExiting: false,
        acknowledgeInterruptOnExit: false,
        processPostedInterrupts: false,
        cr8LoadExiting: false,
        cr8StoreExiting: false,
      },
      initial: { regs: { '080': '00000050' }, tprThreshold: 0 },
      steps: [{ op: { kind: 'movFromCr8' }, outcome: { kind: 'data', value: '0000000000000006' } }],
    };
    write('wrong.json', { oracle: 'none', kind: 'cr8', sequences: [sequence] });
    const { status, stdout } = vmxApic('conform', 'wrong.json', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ passed: 0, failed: 1, failures: [{ sequence: 'wrong', step: 0 }] });
    expect(status).toBe(1);
  });
});
