// src/engine/errors.ts
var InputError = class extends Error {
  /** Where in the input, as `vms[0].pinning[1]`; empty for the input as a whole. */
  path;
  /** What is wrong there and, where it helps, what would be right. */
  reason;
  /**
   * @param path - where in the input; empty for the input as a whole
   * @param reason - what is wrong there
   */
  constructor(path, reason) {
    super(path === "" ? reason : `${path}: ${reason}`);
    this.name = "InputError";
    this.path = path;
    this.reason = reason;
  }
};
var InternalError = class extends Error {
  /** `routine.stage` that was running, or a description of the place. */
  place;
  /** How to get there again: the scenario and its seed, as JSON; undefined until a runner has filled it in. */
  reproduction;
  /**
   * @param place - `routine.stage` that was running
   * @param expectation - what was expected and did not hold
   */
  constructor(place, expectation) {
    super(`${place}: ${expectation}`);
    this.name = "InternalError";
    this.place = place;
  }
};

// src/cost/profile.ts
function clocksOf(profile2, host2 = {}) {
  const { tscGhz, coreGhz = tscGhz } = profile2;
  if (host2.tscGhz === void 0) return { tscGhz, coreGhz: host2.coreGhz ?? coreGhz };
  return { tscGhz: host2.tscGhz, coreGhz: host2.coreGhz ?? host2.tscGhz * coreGhz / tscGhz };
}
function costsOf(profile2, clocks = clocksOf(profile2)) {
  const core = clocks.tscGhz / clocks.coreGhz;
  const uncore = clocks.tscGhz / profile2.tscGhz;
  const costs = {};
  for (const [name, group] of Object.entries(profile2.groups)) {
    for (const [key, part] of Object.entries(group.keys)) {
      if (costs[key] !== void 0)
        throw new InputError(`profile.groups.${name}.keys.${key}`, "is in another group, too");
      const cycles2 = group.cycles * part * (group.clock === "uncore" ? uncore : core);
      costs[key] = group.byDistance === void 0 ? cycles2 : group.byDistance.map((factor) => cycles2 * factor);
    }
  }
  return costs;
}
function checkCycles(path, cycles2) {
  if (!(cycles2 >= 0 && cycles2 < 2 ** 40)) {
    throw new InputError(path, `${cycles2} is not a number of cycles from 0 to 2^40`);
  }
}
function withSetting(group, path, setting) {
  const { scaled: _, ...rest } = group;
  if (typeof setting === "number") {
    checkCycles(path, setting);
    return { ...rest, cycles: setting };
  }
  setting.forEach((cycles2, distance) => {
    checkCycles(`${path}[${distance}]`, cycles2);
  });
  return { ...rest, cycles: 1, byDistance: [...setting] };
}
function withScale(profile2, path, scale) {
  if (typeof scale !== "number" || !(scale > 0 && scale <= 100)) {
    throw new InputError(path, `${JSON.stringify(scale)} is not a scale above 0 and up to 100`);
  }
  const factor = scale / (profile2.scale ?? 1);
  const groups = Object.entries(profile2.groups).map(([name, group]) => {
    if (group.scaled !== true) return [name, group];
    const range = [group.range[0] * factor, group.range[1] * factor];
    return [name, { ...group, cycles: group.cycles * factor, range }];
  });
  return { ...profile2, scale, groups: Object.fromEntries(groups) };
}
function withCosts(profile2, set, path = "profile.set") {
  const { scale, ...costs } = set;
  const scaled = scale === void 0 ? profile2 : withScale(profile2, `${path}.scale`, scale);
  const groups = { ...scaled.groups };
  for (const [name, setting] of Object.entries(costs)) {
    const group = Object.hasOwn(groups, name) ? groups[name] : void 0;
    if (group !== void 0) {
      groups[name] = withSetting(group, `${path}.${name}`, setting);
      continue;
    }
    const owner = Object.entries(groups).find(([, candidate]) => Object.hasOwn(candidate.keys, name));
    if (owner === void 0) {
      throw new InputError(
        `${path}.${name}`,
        `the profile '${profile2.name}' has no cost group and no cost key of this name`
      );
    }
    const [ownerName, { keys, ...rest }] = owner;
    const others = Object.fromEntries(Object.entries(keys).filter(([key]) => key !== name));
    groups[ownerName] = { ...rest, keys: others };
    groups[`${ownerName}.${name}`] = {
      ...withSetting({ ...rest, keys }, `${path}.${name}`, setting),
      keys: { [name]: 1 }
    };
  }
  return { ...scaled, groups };
}

// src/cost/fitted-numbers.ts
var fittedNumbers = {};

// src/cost/guest-paths.ts
var guestPaths = {
  guestCode: {
    cycles: 232,
    range: [96, 400],
    status: "estimated",
    source: "the unit test's own instructions, by count",
    keys: {
      guestAtomic: 0.09,
      guestStores: 0.05,
      guestLoads: 0.04,
      guestCall: 0.04,
      guestHandlerEntry: 0.2,
      guestSpinExit: 0.1,
      guestLoop: 0.12,
      guestFlag: 0.015
    }
  }
};

// src/cost/hardware-paths.ts
var hardwarePaths = {
  vmExit: {
    cycles: 400,
    range: [350, 700],
    status: "estimated",
    source: "exit and entry together 1000 to 1500 cycles (cpuid and vmcall round trips of the unit tests, 2020 and 2024); nothing tells the two apart",
    keys: { vmExit: 1 }
  },
  vmEntry: {
    cycles: 336,
    range: [320, 700],
    status: "estimated",
    source: "as vmExit: only the sum of the two is known",
    keys: { vmEntry: 1 }
  },
  ipiVirtualization: {
    cycles: 344,
    range: [160, 480],
    status: "estimated",
    source: "microcode from the stored VICR to the notification",
    keys: { pidPointerRead: 0.2, pidPirSet: 0.2, pidOnSet: 0.17, notificationSend: 0.43 }
  },
  postedInterruptProcessing: {
    cycles: 528,
    range: [300, 700],
    status: "estimated",
    source: "about 500 cycles more than a native IPI: 2000 against 1500 for a round trip (passthrough RFC, msg 0C23CC2D)",
    keys: {
      interruptAcknowledge: 0.2,
      pidOnClear: 0.12,
      physicalEoi: 0.16,
      pirToVirr: 0.26,
      setRvi: 0.08,
      evaluatePending: 0.18
    }
  },
  delivery: {
    cycles: 704,
    range: [300, 900],
    status: "estimated",
    source: "virtual-interrupt delivery and the way through the IDT: what timer tests with the fastpath leave beside an exit",
    keys: { virtualInterruptUpdate: 0.2, idtVectoring: 0.8 }
  },
  interruptReturn: {
    cycles: 144,
    range: [64, 240],
    status: "estimated",
    source: "IRET, by the cycles that instruction tables give for it",
    keys: { iret: 1 }
  },
  eoiVirtualization: {
    cycles: 96,
    range: [40, 200],
    status: "estimated",
    source: "a virtualised x2APIC WRMSR takes 50 to 200 cycles",
    keys: { eoiVirtualization: 1 }
  },
  apicPageAccess: {
    cycles: 289,
    range: [280, 500],
    status: "estimated",
    source: "350 to 500 cycles where IPI virtualization was measured, in both APIC modes",
    keys: { apicPageAccess: 1 }
  },
  msrAccess: {
    cycles: 80,
    range: [40, 160],
    status: "estimated",
    source: "a virtualised x2APIC WRMSR takes 50-200 cycles",
    keys: { msrBitmapCheck: 0.3, vicrWrite: 0.6, instructionRetire: 0.1, msrVirtualization: 0.6, cr8Access: 0.6 }
  },
  fence: {
    cycles: 36,
    range: [24, 88],
    status: "estimated",
    source: "MFENCE; with LFENCE it was worth about 55 ns on Zen 4 (commit 04c3024560d3)",
    keys: { mfence: 1 }
  },
  timeStampCounter: {
    cycles: 20,
    range: [15, 40],
    status: "estimated",
    source: "RDTSC takes 20 to 25 cycles",
    keys: { rdtsc: 1, ktimeGet: 1.6 }
  }
};

// src/cost/host-paths.ts
var hostPaths = {
  hostTimer: {
    cycles: 960,
    range: [640, 1600],
    status: "estimated",
    source: "a timer of the host costs about 1200 cycles more than the VMX-preemption timer (commit cfbd129ca4c8)",
    keys: { hrtimerStart: 0.55, hrtimerProgram: 0.05, hrtimerRun: 0.4 }
  },
  switchOut: {
    cycles: 2400,
    range: [1600, 3200],
    status: "estimated",
    source: "dequeueing and scheduling out: 1 to 2 of the 4.23 microseconds that halt polling saves",
    keys: {
      rcuwaitPrepare: 0.03,
      setCurrentState: 0.05,
      deactivateTask: 0.28,
      pickNextTask: 0.14,
      vcpuPut: 0.1,
      piPut: 0.02,
      piWakeupList: 0.04,
      piControlUpdate: 0.03,
      vcpuPutFinish: 0.1,
      contextSwitch: 0.21
    }
  },
  wakeUp: {
    cycles: 3200,
    range: [2400, 4800],
    status: "estimated",
    source: "from the waker to the woken task on its processor: 2 to 3 of the same 4.23 microseconds",
    keys: {
      rcuwaitWakeUp: 0.02,
      ttwuStateMatch: 0.08,
      selectTaskRq: 0.15,
      activateTask: 0.2,
      wakeupPreempt: 0.04,
      setNeedResched: 0.03,
      finishTaskSwitch: 0.12,
      vcpuLoad: 0.18,
      vcpuLoadFinish: 0.08,
      piLoad: 0.03,
      rcuwaitFinish: 0.03,
      idleLoop: 0.04
    }
  },
  cState: {
    cycles: 1600,
    range: [320, 3200],
    status: "estimated",
    source: "leaving C1 takes up to 2 microseconds (intel_idle); deeper states are not modelled here",
    keys: { idleExit: 1, idleEnter: 0.2, haltedWake: 0.4 }
  }
};

// src/cost/interconnect-paths.ts
var interconnectPaths = {
  lineTransfer: {
    ns: [0, 7.4, 48, 136],
    range: [40, 60],
    status: "taken",
    source: "median one-way message of one cache line on a Xeon Gold 6242 (core-to-core-latency, nviennot): Cascade Lake has the core and the mesh of Skylake-SP, which has no row there",
    keys: { lineTransfer: 1 }
  },
  ipiFlight: {
    ns: [120, 200, 250, 375],
    range: [125, 400],
    status: "estimated",
    source: "from the ICR write to the arrival at the other local APIC: an IPI round trip of 1500 cycles on a bare host (passthrough RFC, msg 0C23CC2D) less two transfers and the way through the IDT; 50 to 250 ns more across sockets",
    keys: { ipiFlight: 1 }
  }
};

// src/cost/kernel-paths.ts
var kernelPaths = {
  sendSoftware: {
    cycles: 544,
    range: [250, 700],
    status: "estimated",
    source: "from the exit to the physical ICR write, by instruction counts: 693 cycles of the IPI-virtualization series are exit and this less microcode",
    keys: {
      vcpuRunFinish: 0.14,
      fastpathDispatch: 0.07,
      icrFastpathCheck: 0.06,
      apicSendIpi: 0.13,
      apicMapLookup: 0.15,
      acceptIrq: 0.1,
      apicvActiveRead: 0.01,
      kvmPirUpdate: 0.07,
      kvmOnUpdate: 0.06,
      vcpuModeRead: 0.02,
      physicalIcrWrite: 0.19
    }
  },
  slowExitSoftware: {
    cycles: 504,
    range: [350, 1e3],
    status: "estimated",
    source: "what the ordinary exit path adds to the fastpath: 653 cycles with IPI virtualization (1346 less 693), 945 on Skylake-SP (commit a9ab13ff6e84)",
    keys: {
      vcpuModeWrite: 0.02,
      irqEnable: 0.06,
      finishSwitchFromGuest: 0.26,
      handleExitDispatch: 0.14,
      apicWriteNodecode: 0.2,
      emulateWrmsr: 0.2,
      lapicRegWrite: 0.32
    }
  },
  entrySoftware: {
    cycles: 336,
    range: [250, 900],
    status: "estimated",
    source: "from the handler back to the entry: 300 to 700 cycles of a vmcall, which takes 1529 to 1559 with exit and entry (kvm list, March 2020)",
    keys: {
      skipInstruction: 0.06,
      exitRequestCheck: 0.04,
      pirSyncRead: 0.03,
      pirSyncTake: 0.08,
      rviWrite: 0.06,
      vcpuRunPrepare: 0.2,
      irqDisable: 0.02,
      checkRequests: 0.06,
      prepareSwitchToGuest: 0.33,
      vcpuRunLoop: 0.06,
      vcpuRunLoopEnd: 0.03,
      xferToGuestMode: 0.03,
      memoryBarrier: 0.03
    }
  },
  hostInterrupt: {
    cycles: 720,
    range: [400, 1400],
    status: "estimated",
    source: "an external-interrupt exit to its entry takes 0.47 microseconds at least, 0.71 on average (commit 0c5f81dad46c)",
    keys: { hostInterruptHandler: 0.6, externalInterruptIrqoff: 0.3, handleExternalInterrupt: 0.1 }
  },
  eventInjection: {
    cycles: 240,
    range: [120, 640],
    status: "unconstrained",
    source: "serving requests and choosing the event to inject, by instruction counts",
    keys: {
      makeRequest: 0.08,
      vcpuKick: 0.1,
      serveRequest: 0.1,
      acceptEvents: 0.06,
      injectEvent: 0.15,
      injectException: 0.15,
      cr8Intercept: 0.12
    }
  },
  destinationLoop: {
    cycles: 24,
    range: [8, 64],
    status: "estimated",
    source: "the walk over all virtual CPUs, for each of them; a line of its structure and a comparison",
    keys: { deliveryLoop: 0.5, deliveryLoopMatch: 1 }
  },
  exitHandlers: {
    cycles: 160,
    range: [64, 400],
    status: "estimated",
    source: "what a short exit handler does beside dispatch and skipping the instruction, by instruction counts",
    keys: {
      handleWindow: 0.5,
      emulateCpuid: 1,
      emulateHypercall: 0.8,
      emulateCr8: 0.7,
      emulateRdmsr: 1,
      apicAccessDispatch: 0.6,
      apicSetEoi: 0.8,
      eoiInduced: 0.8,
      handlePreemptionTimer: 0.3
    }
  },
  instructionEmulation: {
    cycles: 1280,
    range: [640, 3200],
    status: "unconstrained",
    source: "fetching, decoding and carrying out the instruction of an access that hardware does not virtualize",
    keys: {
      emulatorDecode: 0.8,
      apicMmio: 0.2,
      eptMisconfig: 0.15,
      fastMmio: 0.05,
      eptFaultin: 0.5,
      eptViolation: 0.5
    }
  },
  apicvToggle: {
    cycles: 1200,
    range: [400, 4e3],
    status: "unconstrained",
    source: "controls, MSR bitmap and maps after a change of APICv or of an APIC; rare",
    keys: { apicvInhibit: 0.2, zapApicPage: 1, apicvRefresh: 0.8, recalculateApicMap: 1 }
  },
  ioapic: {
    cycles: 200,
    range: [80, 480],
    status: "unconstrained",
    source: "a pin of the I/O APIC under its lock, by instruction counts",
    keys: { ioapicService: 0.5, ioapicSetIrq: 0.5, ioapicEoi: 0.6 }
  },
  guestTimer: {
    cycles: 384,
    range: [200, 600],
    status: "estimated",
    source: "programming and expiry with the VMX-preemption timer; the slow path adds 450-534 cycles to the fast one",
    keys: {
      tscDeadlineFastpath: 0.15,
      startHvTimer: 0.3,
      hvTimerExpired: 0.15,
      timerExpired: 0.12,
      timerInject: 0.15,
      timerPeriod: 0.05,
      timerAdvanceAdjust: 0.06,
      timerDelay: 0.02,
      lapicTimerSwitch: 0.1,
      hvTimerUpdate: 0.1
    }
  },
  haltEmulation: {
    cycles: 400,
    range: [160, 1e3],
    status: "estimated",
    source: "from the HLT exit to the poll loop 0.1 to 0.6 microseconds",
    keys: {
      emulateHalt: 0.3,
      checkBlock: 0.2,
      haltPollBegin: 0.1,
      haltPollEnd: 0.2,
      haltPollAdjust: 0.15,
      mpStateWrite: 0.05
    }
  },
  haltPoll: {
    cycles: 80,
    range: [50, 200],
    status: "estimated",
    source: "one turn of the halt-polling loop; on Skylake and later mostly its PAUSE",
    keys: { haltPollIteration: 1 }
  },
  userspace: {
    cycles: 2400,
    range: [1200, 4800],
    status: "unconstrained",
    source: "from KVM_RUN to user space and a look at what the monitor wants",
    keys: { userspaceExit: 1 }
  },
  vmcsMigration: {
    cycles: 2400,
    range: [1200, 4800],
    status: "unconstrained",
    source: "VMCLEAR on the processor before, by an interrupt there, and VMPTRLD",
    keys: { vmcsMigrate: 1 }
  }
};

// src/cost/mitigation-paths.ts
var mitigationPaths = {
  specCtrl: {
    cycles: 580,
    range: [200, 900],
    status: "taken",
    source: "the pair of writes to IA32_SPEC_CTRL around a guest: 725 cycles on Sapphire Rapids, for which other processors have numbers of their own",
    keys: { specCtrlPair: 1 }
  },
  bufferClearing: {
    cycles: 400,
    range: [160, 640],
    status: "estimated",
    source: "VERW before the entry: clearing the buffers takes some hundreds of cycles",
    keys: { verw: 1 }
  },
  cacheFlush: {
    cycles: 4800,
    range: [1600, 9600],
    status: "unconstrained",
    source: "flushing the L1 data cache before the entry: 512 lines to be written back and read again",
    keys: { l1dFlush: 1 }
  }
};

// src/cost/processor.ts
var scaledPaths = {
  ...kernelPaths,
  ...hostPaths,
  ...guestPaths,
  ...hardwarePaths,
  ...mitigationPaths
};
function profileOfProcessor(processor2, numbers = fittedNumbers) {
  const { name, title, features, tscGhz, cStates } = processor2;
  const own = (parameter) => numbers[`${name}.${parameter}`];
  const scale = own("scale") ?? processor2.scale.cycles;
  const groups = {};
  for (const [group, { keys, ...shared2 }] of Object.entries(scaledPaths)) {
    const hardware2 = processor2.hardware[group];
    if (hardware2 === void 0) {
      const fitted = numbers[group];
      groups[group] = {
        cycles: (fitted ?? shared2.cycles) * scale,
        range: [shared2.range[0] * scale, shared2.range[1] * scale],
        status: fitted === void 0 ? shared2.status : scale === 1 ? "fitted" : "grouped",
        source: shared2.source,
        keys,
        scaled: true
      };
    } else {
      const fitted = own(group);
      const { cycles: cycles2, range, status, source: source3 } = hardware2;
      groups[group] = {
        cycles: fitted ?? cycles2,
        range,
        status: fitted === void 0 ? status : "fitted",
        source: source3,
        keys
      };
    }
  }
  for (const [group, { keys, ...shared2 }] of Object.entries(interconnectPaths)) {
    const { ns, range, status, source: source3 } = processor2.interconnect[group] ?? shared2;
    const fitted = own(group) ?? (processor2.interconnect[group] === void 0 ? numbers[group] : void 0);
    const within = ns[2];
    groups[group] = {
      cycles: (fitted ?? within) * tscGhz,
      range: [range[0] * tscGhz, range[1] * tscGhz],
      status: fitted === void 0 ? status : "fitted",
      source: source3,
      keys,
      clock: "uncore",
      byDistance: [ns[0] / within, ns[1] / within, 1, ns[3] / within]
    };
  }
  return { name, title, features, tscGhz, scale, groups, cStates };
}

// src/cost/processors/skylake-sp.ts
var skylakeSp = {
  name: "skylake-sp",
  title: "Intel Xeon of the Skylake-SP generation (Gold 6148), with KVM",
  features: { apicv: true, ipiVirtualization: false },
  tscGhz: 2.4,
  scale: {
    cycles: 1,
    range: [0.99, 1.01],
    status: "taken",
    source: "by definition: the shared costs of paths are cycles of this processor"
  },
  hardware: {
    specCtrl: {
      cycles: 400,
      range: [200, 900],
      status: "estimated",
      source: "a write to IA32_SPEC_CTRL before enhanced IBRS takes effect at once and costs hundreds of cycles; 725 a pair on Sapphire Rapids"
    }
  },
  interconnect: {},
  cStates: [
    { name: "C1", exitLatencyNs: 2e3, targetResidencyNs: 2e3 },
    { name: "C1E", exitLatencyNs: 1e4, targetResidencyNs: 2e4 },
    { name: "C6", exitLatencyNs: 133e3, targetResidencyNs: 6e5 }
  ]
};

// src/cost/processors/cascade-lake.ts
var cascadeLake = {
  name: "cascade-lake",
  title: "Intel Xeon of the Cascade Lake generation (Gold 6242), with KVM",
  features: { apicv: true, ipiVirtualization: false },
  tscGhz: 2.8,
  scale: {
    cycles: 1,
    range: [0.9, 1.1],
    status: "grouped",
    source: "the same core as Skylake-SP; another uncore clock and microcode"
  },
  hardware: skylakeSp.hardware,
  interconnect: {},
  cStates: skylakeSp.cStates
};

// src/cost/processors/epyc.ts
var epyc = {
  name: "epyc",
  title: "AMD EPYC of the Zen 4 generation, with KVM",
  features: { vendor: "amd", apicv: false, ipiVirtualization: false, avic: true, x2avic: true },
  tscGhz: 2.4,
  scale: {
    cycles: 0.95,
    range: [0.7, 1.4],
    status: "estimated",
    source: "around VMRUN the kernel takes 576 cycles before and 576 to 656 after on an EPYC of unnamed model (linux-kernel, December 2020)"
  },
  hardware: {
    vmExit: {
      cycles: 700,
      range: [450, 900],
      status: "estimated",
      source: "VMRUN to #VMEXIT with almost nothing between: 1344 to 1376 cycles (linux-kernel, December 2020), in two halves"
    },
    vmEntry: {
      cycles: 660,
      range: [450, 900],
      status: "estimated",
      source: "as vmExit: the other half"
    },
    specCtrl: {
      cycles: 200,
      range: [50, 500],
      status: "unconstrained",
      source: "hardware switches SPEC_CTRL with the world (virtual SPEC_CTRL), so the writes are seldom needed"
    }
  },
  interconnect: {
    lineTransfer: {
      ns: [0, 10, 60, 190],
      range: [20, 120],
      status: "estimated",
      source: "about 25 ns within a core complex, about 100 ns between complexes of a socket: a mean of both"
    }
  },
  cStates: [
    { name: "C1", exitLatencyNs: 1e3, targetResidencyNs: 2e3 },
    { name: "C2", exitLatencyNs: 1e5, targetResidencyNs: 2e5 }
  ]
};

// src/cost/processors/haswell.ts
var haswell = {
  name: "haswell",
  title: "Intel Xeon of the Haswell-EP generation, with KVM",
  features: { apicv: true, ipiVirtualization: false },
  tscGhz: 2.3,
  scale: {
    cycles: 1.1,
    range: [0.8, 1.5],
    status: "estimated",
    source: "an older core than Skylake-SP; round trips of the unit tests took 5600 cycles for 5766 there (commit cfbd129ca4c8)"
  },
  hardware: {},
  interconnect: {
    lineTransfer: {
      ns: [0, 7.6, 44, 118],
      range: [37, 55],
      status: "taken",
      source: "median one-way message of one cache line on a Xeon E5-2695 v4 (core-to-core-latency, nviennot): Broadwell-EP has the rings of Haswell-EP"
    }
  },
  cStates: [
    { name: "C1", exitLatencyNs: 2e3, targetResidencyNs: 2e3 },
    { name: "C1E", exitLatencyNs: 1e4, targetResidencyNs: 2e4 },
    { name: "C3", exitLatencyNs: 33e3, targetResidencyNs: 1e5 },
    { name: "C6", exitLatencyNs: 133e3, targetResidencyNs: 4e5 }
  ]
};

// src/cost/processors/ice-lake-sp.ts
var iceLakeSp = {
  name: "ice-lake-sp",
  title: "Intel Xeon of the Ice Lake-SP generation (Platinum 8375C), with KVM",
  features: { apicv: true, ipiVirtualization: false },
  tscGhz: 2.9,
  scale: {
    cycles: 1,
    range: [0.8, 1.3],
    status: "estimated",
    source: "a newer core than Skylake-SP, with slower exits and entries (1.25 times on Sapphire Rapids); no absolute figure is published"
  },
  hardware: {},
  interconnect: {
    lineTransfer: {
      ns: [0, 8.1, 51, 108],
      range: [43, 60],
      status: "taken",
      source: "median one-way message of one cache line on a Xeon Platinum 8375C (core-to-core-latency, nviennot)"
    }
  },
  cStates: [
    { name: "C1", exitLatencyNs: 1e3, targetResidencyNs: 1e3 },
    { name: "C1E", exitLatencyNs: 4e3, targetResidencyNs: 4e3 },
    { name: "C6", exitLatencyNs: 17e4, targetResidencyNs: 6e5 }
  ]
};

// src/cost/processors/sapphire-rapids.ts
var series = "the four means of the IPI-virtualization series (kvm list, 2021-07-16)";
var sapphireRapids = {
  name: "sapphire-rapids",
  title: "Intel Xeon of the Sapphire Rapids generation, at base frequency, with KVM",
  features: { apicv: true, ipiVirtualization: true },
  tscGhz: 2,
  scale: {
    cycles: 1.25,
    range: [1, 1.5],
    status: "estimated",
    source: `in cycles at base clock, paths take 1.25 to 1.3 times what they take on Skylake-SP: ${series} against its figures`
  },
  hardware: {
    apicPageAccess: {
      cycles: 361,
      range: [350, 500],
      status: "estimated",
      source: "three of them make most of the 1068 cycles between the APIC modes with IPI virtualization"
    },
    ipiVirtualization: {
      cycles: 430,
      range: [200, 600],
      status: "estimated",
      source: "microcode from the stored VICR to the notification; this is the first processor that has it"
    },
    specCtrl: {
      cycles: 725,
      range: [500, 900],
      status: "taken",
      source: "the pair of writes to IA32_SPEC_CTRL around a guest: 3878 against 3153 cycles of tscdeadline_immed on a Xeon Gold 6442Y (Kohler, September 2024)"
    }
  },
  interconnect: {
    lineTransfer: {
      ns: [0, 9, 65, 150],
      range: [48, 75],
      status: "estimated",
      source: "none is published for this part: 51 ns on Ice Lake-SP and 48 on Cascade Lake, and a larger mesh over four tiles here"
    },
    ipiFlight: {
      ns: [190, 304, 380, 570],
      range: [150, 400],
      status: "estimated",
      source: `as on Skylake-SP, with a larger mesh; ${series}`
    }
  },
  cStates: [
    { name: "C1", exitLatencyNs: 1e3, targetResidencyNs: 1e3 },
    { name: "C1E", exitLatencyNs: 2e3, targetResidencyNs: 4e3 },
    { name: "C6", exitLatencyNs: 29e4, targetResidencyNs: 8e5 }
  ]
};

// src/cost/profiles.ts
var processors = [haswell, skylakeSp, cascadeLake, iceLakeSp, sapphireRapids, epyc];
var profiles = Object.fromEntries(
  processors.map((processor2) => [processor2.name, profileOfProcessor(processor2)])
);

// src/kvm/kernels.ts
var v4x19 = {
  apicv: true,
  ipiVirtualization: false,
  icrFastpath: false,
  tscDeadlineFastpath: false,
  preemptionTimerFastpath: false,
  hltFastpath: false,
  postedTimer: false,
  postedTimerPerVcpu: false,
  timerAdvance: false,
  timerAdvanceNs: true,
  timerWaitEarly: true,
  hidesApicPage: false,
  icrReservedFaults: false,
  haltPollShrink: 0
};
var v5x4 = { ...v4x19, postedTimer: true, timerAdvance: true, timerWaitEarly: false };
var v5x8 = {
  ...v5x4,
  icrFastpath: true,
  tscDeadlineFastpath: true,
  preemptionTimerFastpath: true
};
var v5x15 = { ...v5x8, hidesApicPage: true };
var v5x19 = { ...v5x15, ipiVirtualization: true, postedTimerPerVcpu: true };
var v6x12 = {
  ...v5x19,
  hltFastpath: true,
  icrReservedFaults: true,
  haltPollShrink: 2,
  timerAdvanceNs: false
};
var kernels = {
  "4.19": v4x19,
  "5.4": v5x4,
  "5.8": v5x8,
  "5.15": v5x15,
  "5.19": v5x19,
  "6.1": v5x19,
  "6.12": v6x12
};
var kernelVersions = Object.keys(kernels);

// src/cost/calibration/fit.ts
import { levenbergMarquardt } from "ml-levenberg-marquardt";

// src/cost/calibration/problem.ts
function numbersOf({ parameters }, logarithms) {
  return Object.fromEntries(parameters.map(({ name }, j) => [name, Math.exp(logarithms[j])]));
}
function priorSpread({ range }) {
  return Math.log(range[1] / range[0]) / Math.sqrt(12);
}

// src/cost/calibration/sensitivity.ts
var step = Math.log(1.08);
function simulateAll(problem, at) {
  const all = problem.targets.map((_, index) => index);
  return problem.simulate(numbersOf(problem, at), all).map(Math.log);
}
function responseAt(problem, at, known) {
  const { parameters, targets } = problem;
  const figures = simulateAll(problem, at);
  const sensitivity = targets.map(() => parameters.map(() => 0));
  parameters.forEach(({ processor: processor2 }, j) => {
    const which = targets.flatMap((target, i) => {
      if (processor2 !== void 0 && processor2 !== target.processor) return [];
      return known !== void 0 && known.sensitivity[i]?.[j] === 0 ? [] : [i];
    });
    if (which.length === 0) return;
    const moved = at.map((value, index) => index === j ? value + step : value);
    problem.simulate(numbersOf(problem, moved), which).forEach((value, index) => {
      const i = which[index];
      const slope = (Math.log(value) - figures[i]) / step;
      sensitivity[i][j] = Math.abs(slope) < 1e-4 ? 0 : slope;
    });
  });
  return { at, figures, sensitivity };
}
function predict({ at, figures, sensitivity }, there) {
  const growth = there.map((value, j) => Math.exp(value - at[j]) - 1);
  return figures.map((figure2, i) => {
    const row = sensitivity[i];
    const relative = row.reduce((sum, slope, j) => sum + slope * growth[j], 1);
    return figure2 + Math.log(Math.max(relative, 0.05));
  });
}

// src/cost/calibration/fit.ts
var robustFrom = 1.5;
var reach = 0.35;
var rounds = 8;
function residuals(problem, figures) {
  return problem.targets.map(
    ({ published: published2, tolerancePct }, i) => (figures[i] - Math.log(published2)) / (tolerancePct / 100)
  );
}
function robustWeights(problem, figures) {
  return residuals(problem, figures).map((residual) => Math.min(1, robustFrom / Math.max(Math.abs(residual), 1e-9)));
}
function objective(problem, at, figures) {
  const misfit = residuals(problem, figures).reduce((sum, residual) => {
    const size = Math.abs(residual);
    return sum + (size <= robustFrom ? size * size : robustFrom * (2 * size - robustFrom));
  }, 0);
  return problem.parameters.reduce((sum, parameter, j) => {
    const distance = (at[j] - Math.log(parameter.estimate)) / priorSpread(parameter);
    return sum + distance * distance;
  }, misfit);
}
function fitLinear(problem, response, weights) {
  const { parameters, targets } = problem;
  const estimates = parameters.map(({ estimate }) => Math.log(estimate));
  const y = [...targets.map(({ published: published2 }) => Math.log(published2)), ...estimates];
  const certainties = [
    ...targets.map(({ tolerancePct }, i) => Math.sqrt(weights[i]) / (tolerancePct / 100)),
    ...parameters.map((parameter) => 1 / priorSpread(parameter))
  ];
  const { parameterValues } = levenbergMarquardt(
    { x: y.map((_, index) => index), y },
    (there) => {
      const values = [...predict(response, there), ...there];
      return (index) => values[index];
    },
    {
      initialValues: [...response.at],
      minValues: parameters.map(({ range }, j) => Math.max(Math.log(range[0]), response.at[j] - reach)),
      maxValues: parameters.map(({ range }, j) => Math.min(Math.log(range[1]), response.at[j] + reach)),
      weights: certainties,
      damping: 1e-3,
      gradientDifference: 1e-5,
      maxIterations: 60,
      errorTolerance: 1e-9
    }
  );
  return parameterValues;
}
function fitProblem(problem) {
  let response = responseAt(
    problem,
    problem.parameters.map(({ estimate }) => Math.log(estimate))
  );
  let best = objective(problem, response.at, response.figures);
  for (let round = 0; round < rounds; round++) {
    let there = response.at;
    for (let again = 0; again < 4; again++) {
      const weights = robustWeights(problem, again === 0 ? response.figures : predict(response, there));
      there = fitLinear(problem, response, weights);
    }
    let figures = simulateAll(problem, there);
    for (let halving = 0; halving < 4 && objective(problem, there, figures) > best; halving++) {
      there = there.map((value, j) => (value + response.at[j]) / 2);
      figures = simulateAll(problem, there);
    }
    if (reached > best - 0.05) break;
    best = reached;
    response = responseAt(problem, there, response);
  }
  response = responseAt(problem, response.at);
  return { response, weights: robustWeights(problem, response.figures) };
}

// src/cost/calibration/uncertainty.ts
import { CholeskyDecomposition, inverse, Matrix } from "ml-matrix";

// src/engine/random.ts
function createRandom(seed, stream = 0) {
  let x = (Math.imul(seed | 0, 2654435761) ^ Math.imul(stream | 0, 2246822519) ^ Math.floor(seed / 2 ** 32)) >>> 0;
  const words = [];
  for (let i = 0; i < 4; i++) {
    x = x + 2654435769 >>> 0;
    let z = x;
    z = Math.imul(z ^ z >>> 16, 569420461);
    z = Math.imul(z ^ z >>> 15, 1935289751);
    words.push((z ^ z >>> 15) >>> 0);
  }
  if (words.join() === "0,0,0,0") words[0] = 1;
  return words;
}
function randomU32(state) {
  const s0 = state[0];
  const s1 = state[1];
  const s2 = state[2];
  const s3 = state[3];
  const x = Math.imul(s1, 5);
  const result = Math.imul(x << 7 | x >>> 25, 9) >>> 0;
  const t2 = s2 ^ s0;
  const t3 = s3 ^ s1;
  state[1] = (s1 ^ t2) >>> 0;
  state[0] = (s0 ^ t3) >>> 0;
  state[2] = (t2 ^ s1 << 9) >>> 0;
  state[3] = (t3 << 11 | t3 >>> 21) >>> 0;
  return result;
}
function randomUnit(state) {
  return randomU32(state) / 2 ** 32;
}

// src/cost/calibration/uncertainty.ts
function uncertaintyOf(problem, { response, weights }) {
  const jacobian = new Matrix(response.sensitivity.map((row) => [...row]));
  const precision = problem.targets.map(({ tolerancePct }, i) => weights[i] / (tolerancePct / 100) ** 2);
  const weighted = Matrix.mul(jacobian, 1);
  weighted.mulColumnVector(precision);
  const information = jacobian.transpose().mmul(weighted);
  problem.parameters.forEach((parameter, j) => {
    information.set(j, j, information.get(j, j) + 1 / priorSpread(parameter) ** 2);
  });
  const inverted = inverse(information);
  const covariance = Matrix.add(inverted, inverted.transpose()).mul(0.5);
  const hat = jacobian.mmul(covariance).mmul(weighted.transpose());
  return { covariance, hat };
}
function leftOut({ hat }, residuals2, left2) {
  const own = Matrix.eye(left2.length).sub(hat.selection([...left2], [...left2]));
  const errors = inverse(own).mmul(Matrix.columnVector(left2.map((i) => residuals2[i])));
  return errors.to1DArray();
}
function normal(random) {
  return Math.sqrt(-2 * Math.log(1 - randomUnit(random))) * Math.cos(2 * Math.PI * randomUnit(random));
}
function drawEnsemble(problem, at, { covariance }, pairs) {
  const lower = new CholeskyDecomposition(covariance).lowerTriangularMatrix;
  const random = createRandom(1);
  const draws = [];
  for (let pair2 = 0; pair2 < pairs; pair2++) {
    const shift = lower.mmul(Matrix.columnVector(problem.parameters.map(() => normal(random)))).to1DArray();
    for (const sign of [1, -1]) {
      draws.push(
        problem.parameters.map(({ range }, j) => {
          const value = at[j] + sign * shift[j];
          return Math.min(Math.max(value, Math.log(range[0])), Math.log(range[1]));
        })
      );
    }
  }
  return draws;
}

// src/cost/calibration/calibrate.ts
var unconstrainedFrom = 0.97;
var ensemblePairs = 8;
function calibrateProblem(problem) {
  return reportOf(problem, fitProblem(problem));
}
function reportOf(problem, fitted) {
  const { response, weights } = fitted;
  const uncertainty = uncertaintyOf(problem, fitted);
  const residuals2 = problem.targets.map(({ published: published2 }, i) => response.figures[i] - Math.log(published2));
  const percent = (logarithm) => 100 * (Math.exp(logarithm) - 1);
  const familyErrors = /* @__PURE__ */ new Map();
  for (const family2 of new Set(problem.targets.map((target) => target.family))) {
    const members = problem.targets.flatMap((target, i) => target.family === family2 ? [i] : []);
    leftOut(uncertainty, residuals2, members).forEach((error, index) => {
      familyErrors.set(members[index], error);
    });
  }
  const all = numbersOf(problem, response.at);
  const parameters = problem.parameters.map(
    ({ name, estimate, range, source: source3, ...parameter }, j) => {
      const spread = Math.sqrt(uncertainty.covariance.get(j, j));
      const value = all[name];
      return {
        name,
        estimate,
        range,
        value,
        spread,
        open: spread / priorSpread({ name, estimate, range, source: source3, ...parameter }),
        atBound: value <= range[0] * 1.001 || value >= range[1] * 0.999,
        source: source3
      };
    }
  );
  return {
    parameters,
    figures: problem.targets.map(
      ({ id: id2, family: family2, published: published2 }, i) => ({
        id: id2,
        family: family2,
        published: published2,
        simulated: Math.exp(response.figures[i]),
        errorPct: percent(residuals2[i]),
        leaveOneOutPct: percent(leftOut(uncertainty, residuals2, [i])[0]),
        leaveFamilyOutPct: percent(familyErrors.get(i)),
        weight: weights[i],
        sensitivity: response.sensitivity[i]
      })
    ),
    effectiveParameters: uncertainty.hat.trace(),
    numbers: Object.fromEntries(
      parameters.filter(({ open }) => open < unconstrainedFrom).map(({ name, value }) => [name, value])
    ),
    ensemble: drawEnsemble(problem, response.at, uncertainty, ensemblePairs).map((draw) => numbersOf(problem, draw))
  };
}

// src/cost/calibration/parameters.ts
function parametersOf(processors2) {
  const parameters = [];
  const add3 = (name, { cycles: cycles2, range, status, source: source3 }, processor2) => {
    if (status === "taken") return;
    parameters.push({ name, estimate: cycles2, range, source: source3, ...processor2 === void 0 ? {} : { processor: processor2 } });
  };
  for (const paths of [kernelPaths, hostPaths, guestPaths, hardwarePaths, mitigationPaths]) {
    for (const [name, costs] of Object.entries(paths)) add3(name, costs);
  }
  for (const [name, costs] of Object.entries(interconnectPaths)) add3(name, { ...costs, cycles: costs.ns[2] });
  for (const { name: processor2, scale, hardware: hardware2, interconnect } of processors2) {
    add3(`${processor2}.scale`, scale, processor2);
    for (const [name, costs] of Object.entries(hardware2)) add3(`${processor2}.${name}`, costs, processor2);
    for (const [name, costs] of Object.entries(interconnect)) {
      add3(`${processor2}.${name}`, { ...costs, cycles: costs.ns[2] }, processor2);
    }
  }
  return parameters;
}

// src/scenarios/figures/figure.ts
import * as v from "valibot";

// src/scenarios/schema-issues.ts
function pathOf(issue) {
  let path = "";
  for (const item of issue.path ?? []) {
    path += typeof item.key === "number" ? `[${item.key}]` : path === "" ? String(item.key) : `.${String(item.key)}`;
  }
  return path;
}
function reasonOf(issue) {
  const { expected, received, type } = issue;
  const requirement = "requirement" in issue ? issue.requirement : void 0;
  const alternatives = (expected ?? "").replace(/^\(|\)$/g, "").replaceAll(" | ", ", ");
  if (type === "strict_object" && expected === "never") return "is not a known key";
  if (type === "strict_object" && received !== "undefined" && issue.path === void 0) return "is not an object";
  if (received === "undefined") return "is missing";
  switch (type) {
    case "picklist":
    case "literal":
    case "variant":
      return `${received} is not one of ${alternatives}`;
    case "integer":
      return `${received.replace("Invalid integer: Received ", "")} is not a whole number`;
    case "safe_integer":
      return `${received} is not a whole number below 2^53`;
    case "min_value":
      return `${received} is not ${String(requirement)} or more`;
    case "max_value":
      return `${received} is not ${String(requirement)} or less`;
    case "gt_value":
      return `${received} is not more than ${String(requirement)}`;
    case "min_length":
    case "max_length":
      return `has ${received} elements, not ${String(requirement)} or ${type === "min_length" ? "more" : "fewer"}`;
    default:
      return expected === null ? issue.message : `${received} is not of the type ${expected}`;
  }
}
function issueError(issue) {
  return new InputError(pathOf(issue), reasonOf(issue));
}

// src/scenarios/figures/figure.ts
var finite2 = v.pipe(v.number(), v.finite());
var text = v.pipe(v.string(), v.minLength(1));
var alternative = v.strictObject({
  /** What is assumed instead. */
  name: text,
  /** Changes of the scenario, by path. */
  set: v.record(v.string(), v.unknown())
});
var figure = v.strictObject({
  id: text,
  /** Where it was published. */
  source: v.string(),
  /** The published number: of `metric`, in `unit`. */
  published: v.pipe(finite2, v.gtValue(0)),
  unit: v.string(),
  /** Path into the report of the scenario's variant: `latencyCycles.mean`, `latencyNs.mean`, `oneWayNs.mean`, `totalNs`, `exits.MSR_WRITE.count`. */
  metric: text,
  /** The scenario that reproduces it, or the name of a preset. */
  scenario: v.unknown(),
  /** Which of the scenario's variants, if it has several. */
  variant: v.optional(v.string()),
  /** A second scenario: the figure is then the first one's metric divided by this one's. */
  relativeTo: v.optional(v.unknown()),
  /** Whether calibration fits to it. */
  fitted: v.optional(v.boolean(), false),
  /** How well such a measurement repeats, in percent: one standard deviation. */
  tolerancePct: v.optional(v.pipe(finite2, v.gtValue(0), v.maxValue(1e3))),
  /** What was measured together: one author, one machine, one way of measuring. */
  family: v.optional(v.string()),
  /** What the source says of the set-up. */
  setup: v.optional(v.string()),
  /** Spread and number of the measurements behind the published number. */
  min: v.optional(finite2),
  max: v.optional(finite2),
  stdev: v.optional(finite2),
  n: v.optional(finite2),
  /** Other values for what the source does not state; the table shows what each makes of the figure. */
  alternatives: v.optional(v.array(alternative), []),
  note: v.optional(v.string()),
  /** Names of the published numbers that it stands for, where they were collected under other names. */
  covers: v.optional(v.array(v.string()))
});
var figuresFile = v.strictObject({ figures: v.pipe(v.array(figure), v.minLength(1), v.maxLength(1e5)) });
function parseFigures(input) {
  const result = v.safeParse(figuresFile, input);
  if (!result.success) throw issueError(result.issues[0]);
  const seen = /* @__PURE__ */ new Set();
  result.output.figures.forEach(({ id: id2 }, index) => {
    if (seen.has(id2)) throw new InputError(`figures[${index}].id`, `'${id2}' is there twice`);
    seen.add(id2);
  });
  result.output.figures.forEach((one, index) => {
    if (one.scenario === void 0) throw new InputError(`figures[${index}].scenario`, "is missing");
  });
  return result.output.figures;
}

// src/scenarios/figures/ipi-virtualization-series.ts
var source = "IPI virtualization series v1, cover letter (kvm list, 2021-07-16); the same table in v4 and v7: 20 runs of kvm-unit-tests vmexit, test ipi";
var setup = "Intel processor with IPI virtualization, model not stated, at base frequency; 2 vCPUs, the target in a busy loop; the x2APIC rows have the fastpath";
var family = "ipi-virtualization series";
function scenario(apicMode, ipiVirtualization3) {
  return {
    profile: "sapphire-rapids",
    host: { kernel: "5.19" },
    vms: [{ vcpus: 2, apicMode, pinning: [0, 1], features: { ipiVirtualization: ipiVirtualization3 } }],
    workload: { kind: "vmexit", test: "ipi", targetIdle: "loop", iterations: 200 },
    assumed: [
      {
        path: "profile",
        value: "sapphire-rapids",
        why: "the processor is not named; the first server part with the feature, at 2 GHz"
      },
      {
        path: "host.kernel",
        value: "5.19",
        why: "the patches were on a kernel of 2021; 5.19 is the first here that has them"
      },
      { path: "vms[0].pinning", value: [0, 1], why: "placement is not stated; two cores of one socket" }
    ]
  };
}
var ipiVirtualizationSeries = [
  {
    id: "ipiv-xapic",
    covers: ["ipiv_v1_xapic_no_ipiv"],
    published: 6059,
    min: 5866,
    max: 6244,
    stdev: 114.8,
    scenario: scenario("xapic", false)
  },
  {
    id: "ipiv-xapic-ipiv",
    covers: ["ipiv_v1_xapic_ipiv", "ipiv_v1_reduction_xapic", "derived_ipiv_v1_diff_1"],
    published: 4713.1,
    min: 4530,
    max: 4994,
    stdev: 109.7,
    scenario: scenario("xapic", true)
  },
  {
    id: "ipiv-x2apic",
    covers: ["ipiv_v1_x2apic_no_ipiv", "derived_ipiv_v1_diff_3"],
    published: 4337.85,
    min: 4178,
    max: 4645,
    stdev: 131.1,
    scenario: scenario("x2apic", false)
  },
  {
    id: "ipiv-x2apic-ipiv",
    covers: ["ipiv_v1_x2apic_ipiv", "ipiv_v1_reduction_x2apic", "derived_ipiv_v1_diff_0", "derived_ipiv_v1_diff_2"],
    published: 3644.8,
    min: 3392,
    max: 3842,
    stdev: 125.8,
    scenario: scenario("x2apic", true)
  }
].map((figure2) => ({
  ...figure2,
  source,
  setup,
  family,
  unit: "cycles",
  metric: "latencyCycles.mean",
  n: 20,
  tolerancePct: 2.5,
  fitted: true
}));

// src/scenarios/figures/other-unit-tests.ts
var spectreSource = "SPEC_CTRL writes on VM exit (linux-kernel, J. Kohler, September 2024)";
var spectreSetup = "Xeon Gold 6442Y, microcode 0x2b0005c0, Linux 6.6.34 with patches, bound to one CPU, x2APIC and TSC-deadline timer";
function sapphireRapids2(ibrs) {
  return {
    profile: "sapphire-rapids",
    topology: { tscGhz: 2.6 },
    host: { kernel: "6.1", mitigations: { ibrs } },
    vms: [{ vcpus: 1, apicMode: "x2apic" }],
    workload: { kind: "vmexit", test: "tscdeadline_immed", iterations: 200 },
    assumed: [
      { path: "host.kernel", value: "6.1", why: "6.6 is not among the kernels here; 6.1 has the same timer paths" },
      {
        path: "topology.coreGhz",
        value: 2.6,
        why: "the clock of the core is not stated; taken at base frequency like the time-stamp counter"
      }
    ]
  };
}
var haswellSource = "kvm-unit-tests commit cfbd129ca4c8 (2017-06-29)";
function haswell2(preemptionTimer) {
  return {
    profile: "haswell",
    host: { kernel: "4.19", preemptionTimer, timerAdvance: false },
    vms: [{ vcpus: 1, apicMode: "x2apic" }],
    workload: { kind: "vmexit", test: "tscdeadline", iterations: 200 },
    assumed: [
      { path: "host.kernel", value: "4.19", why: "the oldest kernel here; the figures are of 2017" },
      {
        path: "host.timerAdvance",
        value: false,
        why: "adaptive advance came later, and the fixed one was 0 by default"
      }
    ]
  };
}
var otherUnitTests = [
  {
    id: "spr-tscdeadline-immed",
    covers: ["spr_spec_ctrl"],
    source: spectreSource,
    setup: `${spectreSetup}; no toggling`,
    family: "sapphire rapids 6442Y",
    published: 3153,
    unit: "cycles",
    metric: "latencyCycles.mean",
    scenario: sapphireRapids2(false),
    tolerancePct: 2.5,
    fitted: true
  },
  {
    id: "spr-tscdeadline-immed-spec-ctrl",
    covers: ["spr_spec_ctrl", "derived_spr_spec_ctrl_pair"],
    source: spectreSource,
    setup: `${spectreSetup}; WRMSR SPEC_CTRL toggling`,
    family: "sapphire rapids 6442Y",
    published: 3878,
    unit: "cycles",
    metric: "latencyCycles.mean",
    scenario: sapphireRapids2(true),
    tolerancePct: 2.5,
    fitted: false,
    note: "the cost of the pair, 725 cycles, was taken from the difference of these two"
  },
  {
    id: "hsw-tscdeadline-preemption-timer",
    covers: ["hsw_tscdeadline_ptimer"],
    source: haswellSource,
    setup: "Haswell Xeon; VMX-preemption timer",
    family: "haswell timer",
    published: 5600,
    unit: "cycles",
    metric: "latencyCycles.mean",
    scenario: haswell2(true),
    tolerancePct: 2.5,
    fitted: true
  },
  {
    id: "hsw-tscdeadline-hrtimer",
    covers: ["hsw_tscdeadline_ptimer"],
    source: haswellSource,
    setup: "Haswell Xeon; hrtimer",
    family: "haswell timer",
    published: 6800,
    unit: "cycles",
    metric: "latencyCycles.mean",
    scenario: haswell2(false),
    tolerancePct: 2.5,
    fitted: true
  }
];

// src/scenarios/figures/skylake-unit-tests.ts
var noMitigations = {
  path: "host.mitigations",
  value: {},
  why: "not stated; what they add to an exit is in the exit of all figures of this machine"
};
var kernel = {
  path: "host.kernel",
  value: "5.8",
  why: "kvm/queue of March and April 2020 became 5.7 and 5.8; the features that differ are set one by one"
};
function skylake(test, features, host2, assumed) {
  return {
    profile: "skylake-sp",
    host: { kernel: "5.8", ...host2 },
    vms: [{ vcpus: 2, apicMode: "x2apic", features }],
    workload: { kind: "vmexit", test, targetIdle: "hlt", iterations: 200 },
    assumed: [kernel, noMitigations, ...assumed]
  };
}
var fast = { icrFastpath: true, tscDeadlineFastpath: true, preemptionTimerFastpath: true };
var slow = { icrFastpath: false, tscDeadlineFastpath: false, preemptionTimerFastpath: false };
var cores = {
  path: "topology",
  value: { sockets: 1, coresPerSocket: 2 },
  why: "placement is not stated; two cores of one socket"
};
var polling = {
  path: "host.haltPollNs",
  value: 0,
  why: "adaptive halt polling was switched off; the window of a virtual CPU then stays at the 0 that it begins with"
};
var ipiSource = "'KVM: X86: Ultra fast single target IPI fastpath' v2 (kvm list, 2020-04-10, msg 1586480607-5408-1-git-send-email-wanpengli@tencent.com), commit a9ab13ff6e84";
var ipiSetup = "Skylake-SP server, 2 vCPUs, no mwait, adaptive timer advance and adaptive halt polling off";
var timerSource = "'KVM: VMX: Tscdeadline timer emulation fastpath', cover letters v1, v2/v3 and v4 (kvm list, April 2020, msg 1588055009-12677-1-git-send-email-wanpengli@tencent.com)";
var timerSetup = "Skylake-SP server, APICv on, VMX-preemption timer";
var timerRows = [
  {
    id: "skx-tscdeadline-immed-slow",
    covers: [
      "skx_tscdeadline_immed_v1_apicv_noadv",
      "skx_tscdeadline_immed_v2_apicv_noadv",
      "skx_tscdeadline_immed_v4_apicv_noadv"
    ],
    published: [2919, 2885, 3028.5],
    scenario: skylake("tscdeadline_immed", slow, { timerAdvance: false }, [])
  },
  {
    id: "skx-tscdeadline-immed-fast",
    covers: [
      "skx_tscdeadline_immed_v1_apicv_noadv",
      "skx_tscdeadline_immed_v2_apicv_noadv",
      "skx_tscdeadline_immed_v4_apicv_noadv"
    ],
    published: [2467.75, 2431.25, 2494.75],
    scenario: skylake("tscdeadline_immed", fast, { timerAdvance: false }, [])
  },
  {
    id: "skx-tscdeadline-slow",
    covers: ["skx_tscdeadline_v1_apicv_noadv", "skx_tscdeadline_v2_apicv_noadv", "skx_tscdeadline_v4_apicv_noadv"],
    published: [5661.75, 5668.75, 5765.7],
    scenario: skylake("tscdeadline", slow, { timerAdvance: false }, [])
  },
  {
    id: "skx-tscdeadline-fast",
    covers: ["skx_tscdeadline_v1_apicv_noadv", "skx_tscdeadline_v2_apicv_noadv", "skx_tscdeadline_v4_apicv_noadv"],
    published: [5188.25, 5188.5, 5285],
    scenario: skylake("tscdeadline", fast, { timerAdvance: false }, [])
  },
  {
    id: "skx-tscdeadline-immed-advance-slow",
    covers: ["skx_tscdeadline_immed_v1_apicv_adv", "skx_tscdeadline_immed_v2_apicv_adv"],
    published: [3018.5, 2965.25],
    scenario: skylake("tscdeadline_immed", slow, { timerAdvance: true }, [])
  },
  {
    id: "skx-tscdeadline-immed-advance-fast",
    covers: ["skx_tscdeadline_immed_v1_apicv_adv", "skx_tscdeadline_immed_v2_apicv_adv"],
    published: [2561, 2520],
    scenario: skylake("tscdeadline_immed", fast, { timerAdvance: true }, [])
  },
  {
    id: "skx-tscdeadline-advance-slow",
    covers: ["skx_tscdeadline_v1_apicv_adv"],
    published: [4663.75],
    scenario: skylake("tscdeadline", slow, { timerAdvance: true }, [])
  },
  {
    id: "skx-tscdeadline-advance-fast",
    covers: ["skx_tscdeadline_v1_apicv_adv"],
    published: [4626.5],
    scenario: skylake("tscdeadline", fast, { timerAdvance: true }, [])
  }
];
var mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
var skylakeUnitTests = [
  {
    id: "skx-ipi-slow",
    covers: ["skx_ipi_fastpath_none"],
    source: ipiSource,
    setup: ipiSetup,
    family: "skylake ipi fastpath",
    published: 4238,
    unit: "cycles",
    metric: "latencyCycles.mean",
    scenario: skylake("ipi", slow, { haltPollNs: 0, timerAdvance: false }, [cores, polling]),
    tolerancePct: 2.5,
    fitted: true
  },
  {
    id: "skx-ipi-fast",
    covers: ["skx_ipi_fastpath_ultra"],
    source: ipiSource,
    setup: ipiSetup,
    family: "skylake ipi fastpath",
    published: 3293,
    unit: "cycles",
    metric: "latencyCycles.mean",
    scenario: skylake("ipi", fast, { haltPollNs: 0, timerAdvance: false }, [cores, polling]),
    tolerancePct: 2.5,
    fitted: true
  },
  ...timerRows.map(
    ({ published: published2, ...row }) => ({
      ...row,
      source: timerSource,
      setup: timerSetup,
      family: row.id.includes("immed") ? "skylake timer, immediate" : "skylake timer, deadline",
      published: mean(published2),
      min: Math.min(...published2),
      max: Math.max(...published2),
      n: published2.length,
      unit: "cycles",
      metric: "latencyCycles.mean",
      tolerancePct: 2.5,
      fitted: true
    })
  ),
  {
    id: "skx-vmcall",
    covers: ["skx_vmcall"],
    source: "'KVM: VMX: skip perf MSR switch', v1 and v2 (kvm list, 2020-03-13)",
    setup: "Skylake-SP server, kvm/queue of March 2020",
    family: "skylake vmcall",
    published: mean([1559, 1539, 1529]),
    min: 1529,
    max: 1559,
    n: 3,
    unit: "cycles",
    metric: "latencyCycles.mean",
    scenario: skylake("vmcall", {}, {}, []),
    tolerancePct: 2.5,
    fitted: true,
    note: "the mean of before and after two patches that save 20 to 30 cycles"
  }
];

// src/scenarios/figures/published-figures.ts
var publishedFigures = {
  figures: [...ipiVirtualizationSeries, ...skylakeUnitTests, ...otherUnitTests]
};

// src/scenarios/metric.ts
function metricOf(report, metric, path) {
  const keys = metric.split(".");
  let value = report;
  if (keys[0] === "exits" && keys.length === 3) {
    const row = report.exits.find((exit3) => exit3.reason === keys[1]);
    const known = keys[2] === "count" || keys[2] === "cycles" || keys[2] === "share";
    value = row === void 0 && known ? 0 : row?.[keys[2]];
  } else {
    for (const key of keys) {
      value = typeof value === "object" && value !== null && Object.hasOwn(value, key) ? value[key] : void 0;
    }
  }
  if (typeof value !== "number") throw new InputError(path, `'${metric}' is not a number of a variant's report`);
  return value;
}

// src/scenarios/ipi-virtualization.ts
var source2 = "IPI virtualization series v1, cover letter (kvm list, 2021-07-16), the same table in v4 and v7: 20 runs of kvm-unit-tests vmexit, test ipi";
var ipiVirtualizationPreset = {
  name: "ipi-virtualization",
  title: "kvm-unit-tests vmexit ipi: one IPI and its acknowledgement, two vCPUs on two cores, target running",
  profile: "sapphire-rapids",
  topology: { sockets: 1, coresPerSocket: 2, threadsPerCore: 1 },
  host: { kernel: "5.19" },
  vms: [{ vcpus: 2, apicMode: "x2apic", pinning: [0, 1], features: { ipiVirtualization: false } }],
  workload: { kind: "vmexit", test: "ipi", targetIdle: "loop", from: 0, to: 1, iterations: 1e3 },
  assumed: [
    {
      path: "profile",
      value: "sapphire-rapids",
      why: "the processor is not named; the first server part with the feature"
    },
    {
      path: "host.kernel",
      value: "5.19",
      why: "the patches were on a kernel of 2021; 5.19 is the first here that has them"
    },
    { path: "vms[0].pinning", value: [0, 1], why: "placement is not stated; two cores of one socket" },
    { path: "jitter", value: 0.2, why: "the spread of single steps is not published; the means do not depend on it" }
  ],
  seed: 1,
  jitter: 0.2,
  runs: 20,
  variants: [
    {
      name: "xAPIC",
      set: { "vms[0].apicMode": "xapic" },
      published: [{ metric: "latencyCycles.mean", value: 6059, min: 5866, max: 6244, n: 20, source: source2 }]
    },
    {
      name: "xAPIC, IPI virtualization",
      set: { "vms[0].apicMode": "xapic", "vms[0].features.ipiVirtualization": true },
      published: [{ metric: "latencyCycles.mean", value: 4713.1, min: 4530, max: 4994, n: 20, source: source2 }]
    },
    {
      name: "x2APIC",
      set: {},
      published: [{ metric: "latencyCycles.mean", value: 4337.85, min: 4178, max: 4645, n: 20, source: source2 }]
    },
    {
      name: "x2APIC, IPI virtualization",
      set: { "vms[0].features.ipiVirtualization": true },
      published: [{ metric: "latencyCycles.mean", value: 3644.8, min: 3392, max: 3842, n: 20, source: source2 }]
    }
  ]
};

// src/scenarios/presets.ts
var presets = {
  "ipi-virtualization": ipiVirtualizationPreset
};

// src/engine/routine.ts
var done = /* @__PURE__ */ Symbol("done");
var local = "local";
var shared = "shared";
var StageType = { ordinary: 0, glue: 1, wait: 2, end: 3 };
var stageTable = [];
var routines = /* @__PURE__ */ new Map();
var costKeys = [];
var costKeyNumbers = /* @__PURE__ */ new Map();
function costKeyNumber(key) {
  let number4 = costKeyNumbers.get(key);
  if (number4 === void 0) {
    number4 = costKeys.length;
    costKeys.push(key);
    costKeyNumbers.set(key, number4);
  }
  return number4;
}
function costKeyName(number4) {
  return costKeys[number4];
}
function costKeyCount() {
  return costKeys.length;
}
function stageName(at) {
  const stage43 = stageTable[at];
  return stage43 === void 0 ? `stage ${at}` : `${stage43.routine.name}.${stage43.name}`;
}
function stageNumber(name) {
  const dot = name.lastIndexOf(".");
  const routine = routines.get(name.slice(0, dot));
  if (routine === void 0) return -1;
  const wanted = name.slice(dot + 1);
  if (wanted === "end") return routine.entry + routine.stages.length;
  const index = routine.stages.findIndex((stage43) => stage43.name === wanted);
  return index < 0 ? -1 : routine.entry + index;
}
function costKeysOf(list2) {
  const keys = /* @__PURE__ */ new Set();
  for (const routine of list2)
    for (const stage43 of routine.stages) if (stage43.cost >= 0) keys.add(costKeyName(stage43.cost));
  return [...keys];
}
function nothing() {
}
function notation() {
  return {
    program: (name, locals, stages) => define(name, "program", locals, [], stages),
    microcode: (name, locals, stages) => define(name, "microcode", locals, [], stages),
    instruction: (name, locals, scratch, stages) => define(name, "instruction", locals, scratch, stages),
    stage: (name, cost, visibility, effect, options = {}) => ({
      name,
      type: StageType.ordinary,
      cost,
      local: visibility === "local",
      to: options.to ?? [],
      interruptible: false,
      effect,
      ...options.line === void 0 ? {} : { line: options.line },
      ...options.work === void 0 ? {} : { work: options.work }
    }),
    glue: (name, effect, options = {}) => ({
      name,
      type: StageType.glue,
      cost: void 0,
      local: true,
      to: options.to ?? [],
      interruptible: false,
      effect
    }),
    until: (name, cost, condition, options) => ({
      name,
      type: StageType.wait,
      cost,
      local: false,
      to: [],
      interruptible: options.interruptible === true,
      effect: nothing,
      condition,
      channel: options.channel,
      ...options.line === void 0 ? {} : { line: options.line }
    })
  };
}
function define(name, kind, locals, scratch, specs) {
  if (routines.has(name)) throw new InternalError(name, "a routine of this name is already defined");
  const entry = stageTable.length;
  const stages = [];
  const routine = { name, kind, entry, locals, localNames: Object.keys(locals()), scratch, stages };
  const names3 = specs.map((spec) => spec.name);
  specs.forEach((spec, index) => {
    if (names3.indexOf(spec.name) !== index || spec.name === "end") {
      throw new InternalError(`${name}.${spec.name}`, "two stages of one routine have this name");
    }
    const stage43 = {
      name: spec.name,
      type: spec.type,
      routine,
      at: entry + index,
      cost: spec.cost === void 0 ? -1 : costKeyNumber(spec.cost),
      local: spec.local,
      boundary: kind === "program" || spec.interruptible,
      kind,
      simple: spec.type === StageType.ordinary && spec.line === void 0 && spec.work === void 0,
      to: spec.to,
      targets: spec.to.map((target) => {
        const found = names3.indexOf(target);
        if (found < 0) throw new InternalError(`${name}.${spec.name}`, `there is no stage '${target}' to go to`);
        return entry + found;
      }),
      effect: spec.effect,
      condition: spec.condition,
      channel: spec.channel,
      line: spec.line,
      work: spec.work
    };
    stages.push(stage43);
  });
  stageTable.push(...stages, {
    name: "end",
    type: StageType.end,
    routine,
    at: entry + stages.length,
    cost: -1,
    local: true,
    boundary: false,
    kind,
    simple: false,
    to: [],
    targets: [],
    effect: nothing,
    condition: void 0,
    channel: void 0,
    line: void 0,
    work: void 0
  });
  routines.set(name, routine);
  return routine;
}

// src/engine/costs.ts
var lineTransferKey = "lineTransfer";
function resolveCosts(costs, required, path = "profile.costs") {
  const count6 = () => costKeyCount();
  const lineKey = costKeyNumber(lineTransferKey);
  const stage43 = new Array(count6()).fill(Number.NaN);
  const byDistance2 = new Array(4 * count6()).fill(Number.NaN);
  for (const key of /* @__PURE__ */ new Set([...required, lineTransferKey])) {
    const cost = costs[key];
    if (cost === void 0)
      throw new InputError(`${path}.${key}`, "the profile has no cost for this key, which a routine needs");
    const four = typeof cost === "number" ? [cost, cost, cost, cost] : cost;
    four.forEach((cycles2, distance) => {
      if (!(cycles2 >= 0 && cycles2 < 2 ** 40)) {
        const where = typeof cost === "number" ? "" : `[${distance}]`;
        throw new InputError(`${path}.${key}${where}`, `${cycles2} is not a number of cycles from 0 to 2^40`);
      }
      byDistance2[4 * costKeyNumber(key) + distance] = Math.round(cycles2);
    });
    stage43[costKeyNumber(key)] = Math.round(four[0]);
  }
  const line5 = [0, ...byDistance2.slice(4 * lineKey + 1, 4 * lineKey + 4)];
  return { stage: stage43, byDistance: byDistance2, line: line5 };
}
function missingCost(place, key) {
  return new InternalError(
    place,
    `the cost key '${costKeyName(key)}' was not resolved: its routine is in no table of the machine`
  );
}

// src/engine/records.ts
var kinds = [];
function recordKind(name, ...fields) {
  if (kinds.some((kind) => kind.name === name)) throw new InternalError(name, "a kind of record of this name exists");
  kinds.push({ number: kinds.length, name, fields });
  return kinds.length - 1;
}
function recordKindOf(key) {
  const kind = typeof key === "number" ? kinds[key] : kinds.find((candidate) => candidate.name === key);
  if (kind === void 0) throw new InternalError(String(key), "there is no such kind of record");
  return kind;
}

// src/engine/events.ts
function timerEvent(timer2) {
  return -2 - 2 * timer2;
}
function messageEvent(slot) {
  return -1 - 2 * slot;
}
function isTimer(event) {
  return (event & 1) === 0;
}
function timerOf(event) {
  return -2 - event >> 1;
}
function slotOf(event) {
  return -1 - event >> 1;
}
function isLive(timing, event, sequence) {
  if (event >= 0) return timing.event[event] === sequence;
  return !isTimer(event) || timing.timerEvent[timerOf(event)] === sequence;
}

// src/engine/requests.ts
var Request = { notify: 0, send: 1, arm: 2, cancel: 3, observe: 4, readClock: 5 };
function costKey(key) {
  return { key, number: costKeyNumber(key) };
}
function push(machine, kind, a, b, c) {
  const { requests } = machine;
  const { words } = requests;
  const at = requests.count;
  words[at] = kind;
  words[at + 1] = a;
  words[at + 2] = b;
  words[at + 3] = c;
  requests.count = at + 4;
}
function notify(machine, channel) {
  push(machine, Request.notify, channel, 0, 0);
}
function send(machine, to, message, flight2) {
  push(machine, Request.send, to, message, flight2.number);
}
function arm(machine, timer2, cycles2, channel = -1) {
  const state = machine.timers[timer2];
  state.armed = 1;
  state.expired = 0;
  state.channel = channel;
  push(machine, Request.arm, timer2, cycles2, 0);
}
function cancel(machine, timer2) {
  const state = machine.timers[timer2];
  state.expired = 0;
  if (state.armed === 0) return;
  state.armed = 0;
  push(machine, Request.cancel, timer2, 0, 0);
}
function expired(machine, timer2) {
  return machine.timers[timer2].expired === 1;
}
function observe(machine, kind, a = 0, b = 0) {
  push(machine, Request.observe, kind, a, b);
}
function readClock(machine) {
  push(machine, Request.readClock, 0, 0, 0);
}

// src/engine/interpreter.ts
var glueLimit = 1e4;
function runStage(machine, processor2, frames2, frame2, stage43) {
  frame2.at = stage43.at + 1;
  const control = stage43.effect(machine, processor2, frame2.locals, frame2.value);
  if (control === void 0) return;
  if (typeof control === "string") {
    const { to, targets } = stage43;
    for (let i = 0; i < to.length; i++) {
      if (to[i] === control) {
        frame2.at = targets[i];
        return;
      }
    }
    throw new InternalError(stageName(stage43.at), `goes to '${control}', which it does not list`);
  }
  if (frames2[frames2.length - 1] !== frame2) {
    throw new InternalError(stageName(stage43.at), "returns although it has called another routine or left its thread");
  }
  frame2.value = control === done ? 0 : control;
  frame2.at = stage43.routine.entry + stage43.routine.stages.length;
}
function retire(machine, processor2, hooks) {
  if (processor2.shadow !== 0 && --processor2.shadow === 0) hooks.shadowEnded(machine, processor2);
}
function settle(machine, processor2, hooks, stopAtBoundary) {
  for (let elements = 0; ; elements++) {
    const frames2 = machine.threads[processor2.thread];
    const depth = frames2.length;
    if (depth === 0) {
      if (!stopAtBoundary && processor2.attention !== 0 && hooks.recognise(machine, processor2)) continue;
      return void 0;
    }
    const frame2 = frames2[depth - 1];
    const stage43 = stageTable[frame2.at];
    if (stage43.type === StageType.end) {
      frames2.pop();
      if (depth > 1 && frame2.event === 0) frames2[depth - 2].value = frame2.value;
      if (processor2.shadow !== 0 && stage43.kind === "instruction") retire(machine, processor2, hooks);
      continue;
    }
    if (stage43.boundary) {
      if (stopAtBoundary && processor2.masked === 0) return stage43;
      if (processor2.attention !== 0 && hooks.recognise(machine, processor2)) continue;
    }
    if (stage43.type !== StageType.glue) return stage43;
    if (elements > glueLimit) throw new InternalError(stageName(stage43.at), "an endless loop of elements without cost");
    const requested = machine.requests.count;
    runStage(machine, processor2, frames2, frame2, stage43);
    if (machine.requests.count !== requested) checkGlue(machine.requests, requested, stage43);
  }
}
function checkGlue(requests, from, stage43) {
  for (let i = from; i < requests.count; i += 4) {
    if (requests.words[i] !== Request.observe) {
      throw new InternalError(stageName(stage43.at), "is glue but sends, notifies, arms a timer or reads the clock");
    }
  }
}
function conditionHolds(machine, processor2, frame2, stage43) {
  return stage43.condition(machine, processor2, frame2.locals);
}

// src/engine/messages.ts
function takeMessage(processor2, message) {
  const { inFlight } = processor2;
  const index = inFlight.indexOf(message);
  if (index < 0) {
    throw new InternalError(`processor ${processor2.id}`, `message ${message} arrives but was not in flight`);
  }
  for (let i = index + 1; i < inFlight.length; i++) inFlight[i - 1] = inFlight[i];
  inFlight.pop();
}

// src/engine/queue.ts
function createQueue() {
  return { size: 0, next: 1, time: [], sequence: [], event: [] };
}
function before(event, sequence, otherEvent, otherSequence) {
  if (event >= 0) return otherEvent >= 0 && (event < otherEvent || event === otherEvent && sequence < otherSequence);
  return otherEvent >= 0 || sequence < otherSequence;
}
function pushEvent(queue, time, event) {
  const sequence = queue.next++;
  const { time: times, sequence: sequences, event: events } = queue;
  let hole = queue.size++;
  while (hole > 0) {
    const parent = hole - 1 >> 1;
    const parentTime = times[parent];
    if (parentTime < time) break;
    if (parentTime === time && before(events[parent], sequences[parent], event, sequence)) break;
    times[hole] = parentTime;
    sequences[hole] = sequences[parent];
    events[hole] = events[parent];
    hole = parent;
  }
  times[hole] = time;
  sequences[hole] = sequence;
  events[hole] = event;
  return sequence;
}
function replaceTop(queue, time, event) {
  const sequence = queue.next++;
  siftDown(queue, 0, time, sequence, event);
  return sequence;
}
function popEvent(queue) {
  const last = --queue.size;
  if (last > 0) {
    siftDown(queue, 0, queue.time[last], queue.sequence[last], queue.event[last]);
  }
}
function secondTime(queue) {
  const { size, time } = queue;
  if (size < 2) return Number.POSITIVE_INFINITY;
  const a = time[1];
  if (size === 2) return a;
  const b = time[2];
  return a < b ? a : b;
}
function purgeQueue(queue, keep) {
  const { time, sequence, event } = queue;
  let size = 0;
  for (let i = 0; i < queue.size; i++) {
    if (!keep(event[i], sequence[i])) continue;
    time[size] = time[i];
    sequence[size] = sequence[i];
    event[size] = event[i];
    size++;
  }
  queue.size = size;
  for (let i = (size >> 1) - 1; i >= 0; i--) {
    siftDown(queue, i, time[i], sequence[i], event[i]);
  }
}
function siftDown(queue, start, time, sequence, event) {
  const { size, time: times, sequence: sequences, event: events } = queue;
  let hole = start;
  for (; ; ) {
    let child = 2 * hole + 1;
    if (child >= size) break;
    let childTime = times[child];
    const right = child + 1;
    if (right < size) {
      const rightTime = times[right];
      if (rightTime < childTime || rightTime === childTime && before(
        events[right],
        sequences[right],
        events[child],
        sequences[child]
      )) {
        child = right;
        childTime = rightTime;
      }
    }
    if (childTime > time) break;
    if (childTime === time && before(event, sequence, events[child], sequences[child])) break;
    times[hole] = childTime;
    sequences[hole] = sequences[child];
    events[hole] = events[child];
    hole = child;
  }
  times[hole] = time;
  sequences[hole] = sequence;
  events[hole] = event;
}

// src/engine/timing.ts
var Phase = {
  /** Its event ends the stage it is in. */
  running: -1,
  /** It waits on no channel, or has nothing to run. */
  idle: -2,
  /** Its event begins a stage. */
  beginning: -3,
  /** As `running`, and the stage is work that an interrupt cuts. */
  working: -4
};
function createRunState(machine, size, observers) {
  const { processors: processors2 } = machine;
  const zeros = () => processors2.map(() => 0);
  return {
    machine,
    timing: {
      now: 0,
      begun: 0,
      event: zeros(),
      phase: processors2.map(() => Phase.idle),
      workEnd: zeros(),
      waiters: Array.from({ length: size.channels }, () => []),
      timerEvent: machine.timers.map(() => 0),
      deadline: machine.timers.map(() => 0),
      lineOwner: Array.from({ length: size.lines }, () => -1),
      random: processors2.map((_, stream) => createRandom(size.seed, stream)),
      messageTo: [],
      message: [],
      freeMessages: []
    },
    queue: createQueue(),
    observers
  };
}

// src/engine/timed.ts
var vacant = -1;
var TimedRun = class {
  state;
  options;
  hooks;
  stageCost;
  jitter;
  fuse;
  /** When each processor's stage began, kept only if somebody is told. */
  starts;
  stopRequested = false;
  staleEvents = 0;
  stageCount = 0;
  lastStage = Number.POSITIVE_INFINITY;
  constructor(state, options) {
    if (state.machine.storeBuffers !== 0) {
      throw new InternalError("timed run", "store buffers are for runs without time: here nothing would drain them");
    }
    this.state = state;
    this.options = options;
    this.hooks = options.hooks;
    this.stageCost = options.costs.stage;
    this.jitter = options.jitter ?? 0;
    this.fuse = options.plain !== true && options.checkWaits !== true;
    const { onBegin, onStage } = options;
    const observed = onBegin !== void 0 || onStage !== void 0;
    this.starts = observed ? state.machine.processors.map(() => state.timing.now) : void 0;
  }
  /** Stages run since this object was made. */
  get stages() {
    return this.stageCount;
  }
  /** Makes {@link run} return after the event under way; for use from an observer. */
  stop() {
    this.stopRequested = true;
  }
  /** Runs until nothing is left to happen, or a limit is reached. */
  run(limit = {}) {
    const lastTime = limit.time ?? Number.POSITIVE_INFINITY;
    this.lastStage = limit.stages === void 0 ? Number.POSITIVE_INFINITY : this.stageCount + limit.stages;
    const { queue, timing } = this.state;
    this.stopRequested = false;
    if (timing.begun === 0) this.beginAll();
    while (queue.size > 0) {
      const time = queue.time[0];
      const event = queue.event[0];
      const sequence = queue.sequence[0];
      if (event >= 0) {
        if (timing.event[event] !== sequence) {
          this.dropStale();
          continue;
        }
        if (time > lastTime) return "time";
        this.runProcessor(event, time, lastTime);
      } else if (isTimer(event)) {
        const timer2 = timerOf(event);
        if (timing.timerEvent[timer2] !== sequence) {
          this.dropStale();
          continue;
        }
        if (time > lastTime) return "time";
        timing.now = time;
        timing.timerEvent[timer2] = 0;
        queue.time[0] = vacant;
        this.expire(timer2);
        if (queue.size > 0 && queue.time[0] === vacant) popEvent(queue);
      } else {
        if (time > lastTime) return "time";
        timing.now = time;
        queue.time[0] = vacant;
        this.arrive(slotOf(event));
        if (queue.size > 0 && queue.time[0] === vacant) popEvent(queue);
      }
      if (this.options.checkWaits === true) this.checkWaits();
      if (this.stopRequested) return "stopped";
      if (this.stageCount >= this.lastStage) return "stages";
    }
    return "quiescent";
  }
  /** Runs one event: one stage in a plain run, perhaps several merged ones otherwise. False if there was none. */
  step() {
    const before2 = this.stageCount;
    const { queue } = this.state;
    if (this.state.timing.begun === 0) this.beginAll();
    while (queue.size > 0 && this.stageCount === before2) {
      if (this.run({ stages: 0 }) === "quiescent") break;
    }
    return this.stageCount > before2;
  }
  /** Time of the next event, Infinity if there is none. */
  nextTime() {
    const { queue, timing } = this.state;
    if (timing.begun === 0) return timing.now;
    while (queue.size > 0) {
      if (isLive(timing, queue.event[0], queue.sequence[0])) return queue.time[0];
      this.dropStale();
    }
    return Number.POSITIVE_INFINITY;
  }
  dropStale() {
    popEvent(this.state.queue);
    if (this.staleEvents > 0) this.staleEvents--;
  }
  beginAll() {
    const { machine, timing } = this.state;
    timing.begun = 1;
    for (const processor2 of machine.processors) this.start(processor2, timing.now);
  }
  /** Starts whatever a processor has to do next, from a moment at which it has no event. */
  start(processor2, now) {
    const { machine, timing, queue } = this.state;
    const p = processor2.id;
    const next = settle(machine, processor2, this.hooks, false);
    if (machine.requests.count !== 0) this.carryOut(p, now, void 0);
    const end = this.begin(processor2, next, now);
    if (end < 0) return;
    timing.event[p] = queue.size > 0 && queue.time[0] === vacant ? replaceTop(queue, end, p) : pushEvent(queue, end, p);
  }
  /** Begins a stage: when it will end, or -1 if the processor waits or has nothing to do. */
  begin(processor2, stage43, now) {
    const { machine, timing } = this.state;
    const p = processor2.id;
    if (stage43 === void 0) {
      timing.event[p] = 0;
      timing.phase[p] = Phase.idle;
      return -1;
    }
    const frames2 = machine.threads[processor2.thread];
    const frame2 = frames2[frames2.length - 1];
    if (this.starts !== void 0) {
      this.starts[p] = now;
      this.options.onBegin?.(processor2, stage43, now, frames2);
    }
    if (stage43.type === StageType.wait && !conditionHolds(machine, processor2, frame2, stage43)) {
      this.wait(processor2, frame2, stage43);
      return -1;
    }
    timing.phase[p] = Phase.running;
    let duration;
    if (frame2.left > 0) {
      duration = frame2.left;
      frame2.left = 0;
      timing.phase[p] = Phase.working;
      timing.workEnd[p] = now + duration;
    } else {
      duration = this.cost(stage43, p);
      if (stage43.line !== void 0) duration += this.touch(stage43.line(machine, processor2, frame2.locals), p);
      if (stage43.work !== void 0) {
        const work = stage43.work(machine, processor2, frame2.locals);
        if (!(work >= 0)) throw new InternalError(stageName(stage43.at), `${work} is not a number of cycles of work`);
        duration += Math.round(work);
        timing.phase[p] = Phase.working;
        timing.workEnd[p] = now + duration;
      }
    }
    return now + duration;
  }
  cost(stage43, p) {
    const cost = this.stageCost[stage43.cost];
    if (!(cost >= 0)) throw missingCost(stageName(stage43.at), stage43.cost);
    if (this.jitter !== 0) {
      const factor = 1 + this.jitter * (2 * randomUnit(this.state.timing.random[p]) - 1);
      return Math.round(cost * factor);
    }
    return cost;
  }
  touch(line5, p) {
    if (line5 < 0) return 0;
    const { lineOwner } = this.state.timing;
    const owner = lineOwner[line5];
    if (owner === p) return 0;
    lineOwner[line5] = p;
    return owner < 0 ? 0 : this.options.costs.line[this.options.distance(owner, p)];
  }
  wait(processor2, frame2, stage43) {
    const { machine, timing } = this.state;
    const p = processor2.id;
    this.keepLine(processor2, frame2, stage43);
    const channel = stage43.channel(machine, processor2, frame2.locals);
    timing.event[p] = 0;
    if (channel < 0) {
      timing.phase[p] = Phase.idle;
    } else {
      timing.phase[p] = channel;
      timing.waiters[channel].push(p);
    }
  }
  /**
   * A processor that spins on a line has it again after every look, and one that has written it has it then, whoever looked while
   * it was on its way: the next one pays for the transfer.
   */
  keepLine(processor2, frame2, stage43) {
    if (stage43.line === void 0) return;
    const { machine, timing } = this.state;
    const line5 = stage43.line(machine, processor2, frame2.locals);
    if (line5 >= 0) timing.lineOwner[line5] = processor2.id;
  }
  leaveWait(p) {
    const { timing } = this.state;
    const channel = timing.phase[p];
    timing.phase[p] = Phase.running;
    if (channel < 0) return;
    const waiters = timing.waiters[channel];
    const index = waiters.indexOf(p);
    for (let i = index + 1; i < waiters.length; i++) waiters[i - 1] = waiters[i];
    waiters.pop();
  }
  /**
   * Handles the event of a processor, which is the first of the queue, and what follows without leaving the processor: its
   * local stages while nothing can interrupt them, and any stage that ends strictly before the next event of anybody.
   */
  runProcessor(p, time, lastTime) {
    const { machine, timing, queue } = this.state;
    const { requests } = machine;
    const { hooks, fuse } = this;
    const processor2 = machine.processors[p];
    let now = time;
    queue.time[0] = vacant;
    for (; ; ) {
      timing.now = now;
      let elapsed = 0;
      let ahead = false;
      let end = -2;
      let next;
      if (timing.phase[p] === Phase.beginning) {
        next = settle(machine, processor2, hooks, false);
        if (requests.count !== 0) this.carryOut(p, now, void 0);
      } else {
        let start = this.starts === void 0 ? 0 : this.starts[p];
        for (; ; ) {
          const frames2 = machine.threads[processor2.thread];
          const frame2 = frames2[frames2.length - 1];
          const stage43 = stageTable[frame2.at];
          if (stage43.type === StageType.wait) {
            if (!conditionHolds(machine, processor2, frame2, stage43)) {
              next = settle(machine, processor2, hooks, false);
              if (requests.count !== 0) this.carryOut(p, now, void 0);
              break;
            }
            frame2.at = stage43.at + 1;
          } else {
            if (!stage43.simple) this.keepLine(processor2, frame2, stage43);
            runStage(machine, processor2, frames2, frame2, stage43);
          }
          this.stageCount++;
          if (requests.count !== 0) this.carryOut(p, now + elapsed, frame2, stage43);
          if (processor2.shadow !== 0 && stage43.kind === "program") retire(machine, processor2, hooks);
          if (this.starts !== void 0) this.options.onStage?.(p, stage43, start, now + elapsed, frame2);
          next = settle(machine, processor2, hooks, ahead);
          if (requests.count !== 0) this.carryOut(p, now + elapsed, frame2);
          if (!fuse || next === void 0 || !next.local || !next.simple) break;
          if (next.boundary && processor2.masked === 0) break;
          start = now + elapsed;
          if (this.starts !== void 0) {
            this.options.onBegin?.(processor2, next, start, machine.threads[processor2.thread]);
          }
          elapsed += this.cost(next, p);
          ahead = true;
          if (now + elapsed > lastTime || this.stageCount >= this.lastStage) {
            if (this.starts !== void 0) this.starts[p] = start;
            timing.phase[p] = Phase.running;
            end = now + elapsed;
            break;
          }
        }
      }
      if (end >= 0) {
      } else if (next?.simple && this.starts === void 0 && !(ahead && next.boundary && processor2.masked === 0)) {
        timing.phase[p] = Phase.running;
        end = now + elapsed + this.cost(next, p);
      } else if (ahead && (next === void 0 || !next.simple || next.boundary && processor2.masked === 0)) {
        end = now + elapsed;
        timing.phase[p] = Phase.beginning;
      } else {
        end = this.begin(processor2, next, now + elapsed);
      }
      if (end < 0) {
        popEvent(queue);
        return;
      }
      if (fuse && end < secondTime(queue) && end <= lastTime && !this.stopRequested && this.stageCount < this.lastStage) {
        now = end;
        continue;
      }
      timing.event[p] = replaceTop(queue, end, p);
      return;
    }
  }
  /** Carries out what an effect asked for. */
  carryOut(p, time, frame2, stage43) {
    const { machine, timing, queue, observers } = this.state;
    const { requests } = machine;
    const { words } = requests;
    for (let i = 0; i < requests.count; i += 4) {
      const kind = words[i];
      const a = words[i + 1];
      const b = words[i + 2];
      const c = words[i + 3];
      if (kind === Request.observe) {
        this.options.observe?.(observers, time, p, a, b, c);
        continue;
      }
      if (kind === Request.readClock) {
        if (frame2 !== void 0) frame2.value = time;
        continue;
      }
      if (stage43?.local === true) {
        throw new InternalError(stageName(stage43.at), "is declared local but sends, notifies or arms a timer");
      }
      if (kind === Request.notify) {
        this.notify(a, p, time);
      } else if (kind === Request.send) {
        const flight2 = this.options.costs.byDistance[4 * c + this.options.distance(p, a)];
        if (!(flight2 >= 0)) throw missingCost(stage43 === void 0 ? "a message" : stageName(stage43.at), c);
        const slot = timing.freeMessages.pop() ?? timing.message.length;
        timing.messageTo[slot] = a;
        timing.message[slot] = b;
        machine.processors[a].inFlight.push(b);
        pushEvent(queue, time + flight2, messageEvent(slot));
        this.options.onSend?.(p, a, b, time, time + flight2);
      } else if (kind === Request.arm) {
        if (timing.timerEvent[a] !== 0) this.countStale();
        timing.deadline[a] = time + Math.ceil(b);
        timing.timerEvent[a] = pushEvent(queue, timing.deadline[a], timerEvent(a));
      } else {
        if (timing.timerEvent[a] !== 0) this.countStale();
        timing.timerEvent[a] = 0;
      }
    }
    requests.count = 0;
  }
  notify(channel, by, now) {
    if (channel < 0) return;
    const { machine, timing, queue } = this.state;
    const waiters = timing.waiters[channel];
    let kept2 = 0;
    for (let i = 0; i < waiters.length; i++) {
      const p = waiters[i];
      const processor2 = machine.processors[p];
      const frames2 = machine.threads[processor2.thread];
      const frame2 = frames2[frames2.length - 1];
      const stage43 = stageTable[frame2.at];
      if (conditionHolds(machine, processor2, frame2, stage43)) {
        this.options.onWake?.(p, now, by);
        timing.event[p] = pushEvent(queue, this.begin(processor2, stage43, now), p);
      } else {
        this.keepLine(processor2, frame2, stage43);
        waiters[kept2++] = p;
      }
    }
    while (waiters.length > kept2) waiters.pop();
  }
  arrive(slot) {
    const { machine, timing } = this.state;
    const to = timing.messageTo[slot];
    const message = timing.message[slot];
    timing.freeMessages.push(slot);
    const processor2 = machine.processors[to];
    takeMessage(processor2, message);
    this.options.onArrive?.(to, message, timing.now);
    this.hooks.arrive(machine, processor2, message);
    if (machine.requests.count !== 0) this.carryOut(to, timing.now, void 0);
    this.look(processor2);
  }
  expire(timer2) {
    const { machine, timing } = this.state;
    const state = machine.timers[timer2];
    if (state === void 0) throw new InternalError(`timer ${timer2}`, "expires but does not exist");
    state.armed = 0;
    state.expired = 1;
    const p = this.hooks.expire(machine, timer2);
    if (machine.requests.count !== 0) this.carryOut(Math.max(p, 0), timing.now, void 0);
    this.notify(state.channel, -1, timing.now);
    if (p >= 0) this.look(machine.processors[p]);
  }
  /** A processor may have something to recognise although its own stage has not ended: while it waits or works. */
  look(processor2) {
    if (processor2.attention === 0) return;
    const { machine, timing } = this.state;
    const p = processor2.id;
    const { now } = timing;
    const idle = timing.event[p] === 0;
    const remaining = timing.workEnd[p] - now;
    if (!idle && (timing.phase[p] !== Phase.working || remaining <= 0)) return;
    const frames2 = machine.threads[processor2.thread];
    const frame2 = frames2[frames2.length - 1];
    if (frame2 !== void 0 && !stageTable[frame2.at].boundary) return;
    if (!this.hooks.recognise(machine, processor2)) return;
    if (idle) {
      this.leaveWait(p);
      this.options.onWake?.(p, now, -1);
    } else {
      if (frame2 !== void 0) frame2.left = remaining;
      timing.event[p] = 0;
      this.countStale();
    }
    if (machine.requests.count !== 0) this.carryOut(p, now, void 0);
    this.start(processor2, now);
  }
  /** Cancelled events leave when their time comes, or together once they are many. */
  countStale() {
    const { queue, timing } = this.state;
    if (++this.staleEvents < 64 || 2 * this.staleEvents < queue.size) return;
    purgeQueue(queue, (event, sequence) => isLive(timing, event, sequence));
    this.staleEvents = 0;
  }
  checkWaits() {
    const { machine, timing } = this.state;
    for (const processor2 of machine.processors) {
      if (timing.event[processor2.id] !== 0) continue;
      const frames2 = machine.threads[processor2.thread];
      const frame2 = frames2[frames2.length - 1];
      if (frame2 === void 0) continue;
      const stage43 = stageTable[frame2.at];
      if (stage43.type === StageType.wait && conditionHolds(machine, processor2, frame2, stage43)) {
        throw new InternalError(
          stageName(stage43.at),
          `processor ${processor2.id} waits although the condition holds: its channel was not notified`
        );
      }
    }
  }
};

// src/arch/controls.ts
var PinBased = {
  /** External-interrupt exiting. */
  externalInterruptExiting: 1,
  /** NMI exiting. */
  nmiExiting: 8,
  /** Virtual NMIs. */
  virtualNmis: 32,
  /** Activate VMX-preemption timer. */
  activateVmxPreemptionTimer: 64,
  /** Process posted interrupts. */
  processPostedInterrupts: 128
};
var Primary = {
  /** Interrupt-window exiting. */
  interruptWindowExiting: 4,
  /** Use TSC offsetting. */
  useTscOffsetting: 8,
  /** HLT exiting. */
  hltExiting: 128,
  /** INVLPG exiting. */
  invlpgExiting: 512,
  /** MWAIT exiting. */
  mwaitExiting: 1024,
  /** RDPMC exiting. */
  rdpmcExiting: 2048,
  /** RDTSC exiting. */
  rdtscExiting: 4096,
  /** CR3-load exiting. */
  cr3LoadExiting: 32768,
  /** CR3-store exiting. */
  cr3StoreExiting: 65536,
  /** Activate tertiary controls. */
  activateTertiaryControls: 131072,
  /** CR8-load exiting. */
  cr8LoadExiting: 524288,
  /** CR8-store exiting. */
  cr8StoreExiting: 1048576,
  /** Use TPR shadow. */
  useTprShadow: 2097152,
  /** NMI-window exiting. */
  nmiWindowExiting: 4194304,
  /** MOV-DR exiting. */
  movDrExiting: 8388608,
  /** Unconditional I/O exiting. */
  unconditionalIOExiting: 16777216,
  /** Use I/O bitmaps. */
  useIOBitmaps: 33554432,
  /** Monitor trap flag. */
  monitorTrapFlag: 134217728,
  /** Use MSR bitmaps. */
  useMsrBitmaps: 268435456,
  /** MONITOR exiting. */
  monitorExiting: 536870912,
  /** PAUSE exiting. */
  pauseExiting: 1073741824,
  /** Activate secondary controls. */
  activateSecondaryControls: 2147483648
};
var Secondary = {
  /** Virtualize APIC accesses. */
  virtualizeApicAccesses: 1,
  /** Enable EPT. */
  enableEpt: 2,
  /** Descriptor-table exiting. */
  descriptorTableExiting: 4,
  /** Enable RDTSCP. */
  enableRdtscp: 8,
  /** Virtualize x2APIC mode. */
  virtualizeX2apicMode: 16,
  /** Enable VPID. */
  enableVpid: 32,
  /** WBINVD exiting. */
  wbinvdExiting: 64,
  /** Unrestricted guest. */
  unrestrictedGuest: 128,
  /** APIC-register virtualization. */
  apicRegisterVirtualization: 256,
  /** Virtual-interrupt delivery. */
  virtualInterruptDelivery: 512,
  /** PAUSE-loop exiting. */
  pauseLoopExiting: 1024,
  /** RDRAND exiting. */
  rdrandExiting: 2048,
  /** Enable INVPCID. */
  enableInvpcid: 4096,
  /** Enable VM functions. */
  enableVmFunctions: 8192,
  /** VMCS shadowing. */
  vmcsShadowing: 16384,
  /** Enable ENCLS exiting. */
  enableEnclsExiting: 32768,
  /** RDSEED exiting. */
  rdseedExiting: 65536,
  /** Enable PML. */
  enablePml: 131072,
  /** EPT-violation #VE. */
  eptViolationVe: 262144,
  /** Conceal VMX from PT. */
  concealVmxFromPt: 524288,
  /** Enable XSAVES/XRSTORS. */
  enableXsavesXrstors: 1048576,
  /** PASID translation. */
  pasidTranslation: 2097152,
  /** Mode-based execute control for EPT. */
  modeBasedExecuteControlForEpt: 4194304,
  /** Sub-page write permissions for EPT. */
  subPageWritePermissionsForEpt: 8388608,
  /** Intel PT uses guest physical addresses. */
  intelPtUsesGuestPhysicalAddresses: 16777216,
  /** Use TSC scaling. */
  useTscScaling: 33554432,
  /** Enable user wait and pause. */
  enableUserWaitAndPause: 67108864,
  /** Enable PCONFIG. */
  enablePconfig: 134217728,
  /** Enable ENCLV exiting. */
  enableEnclvExiting: 268435456,
  /** VMM bus-lock detection. */
  vmmBusLockDetection: 1073741824,
  /** Instruction timeout. */
  instructionTimeout: 2147483648
};
var Tertiary = {
  /** LOADIWKEY exiting. */
  loadiwkeyExiting: 1,
  /** Enable HLAT. */
  enableHlat: 2,
  /** EPT paging-write control. */
  eptPagingWriteControl: 4,
  /** Guest-paging verification. */
  guestPagingVerification: 8,
  /** IPI virtualization. */
  ipiVirtualization: 16,
  /** SEAM guest-physical address width. */
  seamGuestPhysicalAddressWidth: 32,
  /** Enable MSR-list instructions. */
  enableMsrListInstructions: 64,
  /** Virtualize IA32_SPEC_CTRL. */
  virtualizeIa32SpecCtrl: 128,
  /** APIC-timer virtualization. */
  apicTimerVirtualization: 256,
  /** Enable PBNDKB. */
  enablePbndkb: 512,
  /** PEBS uses guest physical addresses. */
  pebsUsesGuestPhysicalAddresses: 4096
};
var Exit = {
  /** Save debug controls. */
  saveDebugControls: 4,
  /** Host address-space size. */
  hostAddressSpaceSize: 512,
  /** Load IA32_PERF_GLOBAL_CTRL. */
  loadIa32PerfGlobalCtrl: 4096,
  /** Acknowledge interrupt on exit. */
  acknowledgeInterruptOnExit: 32768,
  /** Save IA32_PAT. */
  saveIa32Pat: 262144,
  /** Load IA32_PAT. */
  loadIa32Pat: 524288,
  /** Save IA32_EFER. */
  saveIa32Efer: 1048576,
  /** Load IA32_EFER. */
  loadIa32Efer: 2097152,
  /** Save VMX-preemption timer value. */
  saveVmxPreemptionTimerValue: 4194304,
  /** Clear IA32_BNDCFGS. */
  clearIa32Bndcfgs: 8388608,
  /** Conceal VMX from PT. */
  concealVmxFromPt: 16777216,
  /** Clear IA32_RTIT_CTL. */
  clearIa32RtitCtl: 33554432,
  /** Clear IA32_LBR_CTL. */
  clearIa32LbrCtl: 67108864,
  /** Clear UINV. */
  clearUinv: 134217728,
  /** Load CET state. */
  loadCetState: 268435456,
  /** Load PKRS. */
  loadPkrs: 536870912,
  /** Save IA32_PERF_GLOBAL_CTL. */
  saveIa32PerfGlobalCtl: 1073741824,
  /** Activate secondary controls. */
  activateSecondaryControls: 2147483648
};
function hasPin(vmcs2, mask2) {
  return (vmcs2.pinBasedControls & mask2) !== 0;
}
function hasPrimary(vmcs2, mask2) {
  return (vmcs2.primaryControls & mask2) !== 0;
}
function hasSecondary(vmcs2, mask2) {
  return (vmcs2.primaryControls & Primary.activateSecondaryControls) !== 0 && (vmcs2.secondaryControls & mask2) !== 0;
}
function hasTertiary(vmcs2, mask2) {
  return (vmcs2.primaryControls & Primary.activateTertiaryControls) !== 0 && (vmcs2.tertiaryControls[0] & mask2) !== 0;
}
function hasExit(vmcs2, mask2) {
  return (vmcs2.exitControls & mask2) !== 0;
}

// src/arch/exit-reason.ts
var ExitReason = {
  /** Exception or non-maskable interrupt (NMI). */
  ExceptionNmi: 0,
  /** External interrupt. */
  ExternalInterrupt: 1,
  /** Triple fault. */
  TripleFault: 2,
  /** INIT signal. */
  InitSignal: 3,
  /** Start-up IPI (SIPI). */
  SipiSignal: 4,
  /** I/O system-management interrupt (SMI). */
  IOSystemManagementInterruptSmi: 5,
  /** Other SMI. */
  OtherSmi: 6,
  /** Interrupt window. */
  InterruptWindow: 7,
  /** NMI window. */
  NmiWindow: 8,
  /** Task switch. */
  TaskSwitch: 9,
  /** CPUID. */
  Cpuid: 10,
  /** GETSEC. */
  Getsec: 11,
  /** HLT. */
  Hlt: 12,
  /** INVD. */
  Invd: 13,
  /** INVLPG. */
  Invlpg: 14,
  /** RDPMC. */
  Rdpmc: 15,
  /** RDTSC. */
  Rdtsc: 16,
  /** RSM. */
  Rsm: 17,
  /** VMCALL. */
  Vmcall: 18,
  /** VMCLEAR. */
  Vmclear: 19,
  /** VMLAUNCH. */
  Vmlaunch: 20,
  /** VMPTRLD. */
  Vmptrld: 21,
  /** VMPTRST. */
  Vmptrst: 22,
  /** VMREAD. */
  Vmread: 23,
  /** VMRESUME. */
  Vmresume: 24,
  /** VMWRITE. */
  Vmwrite: 25,
  /** VMXOFF. */
  Vmoff: 26,
  /** VMXON. */
  Vmon: 27,
  /** Control-register accesses. */
  CrAccess: 28,
  /** MOV DR. */
  DrAccess: 29,
  /** I/O instruction. */
  IoInstruction: 30,
  /** RDMSR. */
  MsrRead: 31,
  /** WRMSR. */
  MsrWrite: 32,
  /** VM-entry failure due to invalid guest state. */
  InvalidState: 33,
  /** VM-entry failure due to MSR loading. */
  MsrLoadFail: 34,
  /** MWAIT. */
  MwaitInstruction: 36,
  /** Monitor trap flag. */
  MonitorTrapFlag: 37,
  /** MONITOR. */
  MonitorInstruction: 39,
  /** PAUSE. */
  PauseInstruction: 40,
  /** VM-entry failure due to machine-check event. */
  MceDuringVmentry: 41,
  /** TPR below threshold. */
  TprBelowThreshold: 43,
  /** APIC access. */
  ApicAccess: 44,
  /** Virtualized EOI. */
  EoiInduced: 45,
  /** Access to GDTR or IDTR. */
  GdtrIdtr: 46,
  /** Access to LDTR or TR. */
  LdtrTr: 47,
  /** EPT violation. */
  EptViolation: 48,
  /** EPT misconfiguration. */
  EptMisconfig: 49,
  /** INVEPT. */
  Invept: 50,
  /** RDTSCP. */
  Rdtscp: 51,
  /** VMX-preemption timer expired. */
  PreemptionTimer: 52,
  /** INVVPID. */
  Invvpid: 53,
  /** WBINVD or WBNOINVD. */
  Wbinvd: 54,
  /** XSETBV. */
  Xsetbv: 55,
  /** APIC write. */
  ApicWrite: 56,
  /** RDRAND. */
  Rdrand: 57,
  /** INVPCID. */
  Invpcid: 58,
  /** VMFUNC. */
  Vmfunc: 59,
  /** ENCLS. */
  Encls: 60,
  /** RDSEED. */
  Rdseed: 61,
  /** Page-modification log full. */
  PmlFull: 62,
  /** XSAVES. */
  Xsaves: 63,
  /** XRSTORS. */
  Xrstors: 64,
  /** PCONFIG. */
  Pconfig: 65,
  /** SPP-related event. */
  SppRelatedEvent: 66,
  /** UMWAIT. */
  Umwait: 67,
  /** TPAUSE. */
  Tpause: 68,
  /** LOADIWKEY. */
  Loadiwkey: 69,
  /** ENCLV. */
  Enclv: 70,
  /** ENQCMD PASID translation failure. */
  EnqcmdPasidTranslationFailure: 72,
  /** ENQCMDS PASID translation failure. */
  EnqcmdsPasidTranslationFailure: 73,
  /** Bus lock. */
  BusLock: 74,
  /** Instruction timeout. */
  Notify: 75,
  /** SEAMCALL. */
  Seamcall: 76,
  /** TDCALL. */
  Tdcall: 77,
  /** RDMSRLIST. */
  Rdmsrlist: 78,
  /** WRMSRLIST. */
  Wrmsrlist: 79,
  /** URDMSR. */
  Urdmsr: 80,
  /** UWRMSR. */
  Uwrmsr: 81,
  /** RDMSR (immediate form). */
  MsrReadImm: 84,
  /** WRMSRNS (immediate form). */
  MsrWriteImm: 85
};

// src/arch/mark.ts
var reached2;
function mark(rule) {
  if (reached2 !== void 0) reached2.add(rule);
}

// src/arch/bits256.ts
function emptyBits256() {
  return [0, 0, 0, 0, 0, 0, 0, 0];
}
function testBit(bits, vector2) {
  return (bits[vector2 >> 5] >>> (vector2 & 31) & 1) === 1;
}
function setBit(bits, vector2) {
  bits[vector2 >> 5] = (bits[vector2 >> 5] | 1 << (vector2 & 31)) >>> 0;
}
function clearBit(bits, vector2) {
  bits[vector2 >> 5] = (bits[vector2 >> 5] & ~(1 << (vector2 & 31))) >>> 0;
}
function highestBit(bits) {
  for (let word = 7; word >= 0; word--) {
    const value = bits[word];
    if (value !== 0) return (word << 5) + 31 - Math.clz32(value);
  }
  return -1;
}

// src/arch/guest-interrupt-status.ts
function rvi(vmcs2) {
  return vmcs2.guestInterruptStatus & 255;
}
function svi(vmcs2) {
  return vmcs2.guestInterruptStatus >>> 8 & 255;
}
function setRvi(vmcs2, vector2) {
  vmcs2.guestInterruptStatus = vmcs2.guestInterruptStatus & 65280 | vector2;
}
function setSvi(vmcs2, vector2) {
  vmcs2.guestInterruptStatus = vmcs2.guestInterruptStatus & 255 | vector2 << 8;
}

// src/arch/virtual-interrupt-delivery.ts
var blockedByStiOrMovSs = 3;
function canDeliver(p) {
  if (p.recognized === 0) return false;
  if (p.interruptFlag === 0) {
    mark("11 IF");
    return false;
  }
  if ((p.interruptibility & blockedByStiOrMovSs) !== 0) {
    mark("11 STI and MOV SS");
    return false;
  }
  if (p.activity > 1) {
    mark("11 activity");
    return false;
  }
  if (hasPrimary(p.vmcs, Primary.interruptWindowExiting)) {
    mark("11 delivery without interrupt-window exiting");
    return false;
  }
  return true;
}
function deliverVirtualInterrupt(p) {
  mark("11 delivery");
  const { page: page2, vmcs: vmcs2 } = p;
  const vector2 = rvi(vmcs2);
  setBit(page2.isr, vector2);
  page2.ppr = vector2 & 240;
  clearBit(page2.irr, vector2);
  const next = highestBit(page2.irr);
  vmcs2.guestInterruptStatus = vector2 << 8 | (next < 0 ? 0 : next);
  p.recognized = 0;
  if (p.activity === 1) {
    mark("11 wake");
    p.activity = 0;
  }
  return vector2;
}

// src/arch/interrupt-window.ts
var interruptWindowExit = {
  kind: "exit",
  reason: ExitReason.InterruptWindow,
  qualification: 0,
  trapLike: false
};
function interruptWindowOpen(p) {
  return p.interruptFlag !== 0 && (p.interruptibility & 3) === 0;
}

// src/arch/event-priority.ts
var blockingByMovSs = 2;
var blockingByNmi = 8;
var shutdown = 2;
var waitForSipi = 3;
function isBlocked(p, event) {
  const { activity, interruptibility, vmcs: vmcs2 } = p;
  switch (event) {
    case "apic-write-emulation":
    case "debug-trap":
      return false;
    case "tpr-below-threshold":
    case "mtf":
    case "guest-timer":
      return activity >= shutdown;
    case "smi":
      return activity === waitForSipi || (interruptibility & 4) !== 0;
    case "init":
    case "preemption-timer":
      return activity === waitForSipi;
    case "nmi-window":
      return activity === waitForSipi || !hasPrimary(vmcs2, Primary.nmiWindowExiting) || (interruptibility & (blockingByNmi | 3)) !== 0;
    case "nmi": {
      const byNmi = hasPin(vmcs2, PinBased.virtualNmis) ? 0 : blockingByNmi;
      return activity === waitForSipi || (interruptibility & (byNmi | blockingByMovSs)) !== 0;
    }
    case "interrupt-window":
      return activity >= shutdown || !hasPrimary(vmcs2, Primary.interruptWindowExiting) || !interruptWindowOpen(p);
    case "virtual-interrupt":
      return activity >= shutdown || hasPrimary(vmcs2, Primary.interruptWindowExiting) || p.recognized === 0 || !interruptWindowOpen(p);
    case "external-interrupt":
      if (activity >= shutdown) return true;
      if (hasPin(vmcs2, PinBased.externalInterruptExiting)) return (interruptibility & 3) !== 0;
      return !interruptWindowOpen(p);
  }
}

// src/arch/outcome.ts
var completed = { kind: "completed" };
var passthrough = { kind: "passthrough" };
var generalProtection = { kind: "fault", vector: 13, errorCode: 0 };
var postedSilently = { kind: "posted", notify: false, vector: 0, destination: 0 };

// src/arch/evaluation.ts
function evaluatePendingVirtualInterrupts(p) {
  const vmcs2 = p.vmcs;
  if (hasPrimary(vmcs2, Primary.interruptWindowExiting)) {
    mark("11 interrupt-window exiting");
    p.recognized = 0;
  } else if ((vmcs2.guestInterruptStatus & 240) > (p.page.ppr & 240)) {
    mark("11 recognize");
    p.recognized = 1;
  } else {
    mark("11 withdraw");
    p.recognized = 0;
  }
}

// src/arch/physical-memory.ts
var twoTo32 = 4294967296;
function addressOf(value) {
  return value[1] * twoTo32 + value[0];
}
function toU64(address2) {
  return [address2 >>> 0, Math.floor(address2 / twoTo32)];
}
function descriptorIndex(memory, address2) {
  const index = (address2 - memory.descriptorBase) / 64;
  return index >= 0 && index < memory.descriptors.length && index === Math.trunc(index) ? index : -1;
}
function descriptorAt(memory, index) {
  return memory.descriptors[index];
}
function readPidPointer(memory, address2) {
  const tables = memory.pidPointerTables;
  for (let i = 0; i < tables.length; i++) {
    const table2 = tables[i];
    if (table2 === void 0 || address2 < table2.address) continue;
    const entry = table2.entries[(address2 - table2.address) / 8];
    if (entry !== void 0) return entry;
  }
  return 0;
}

// src/arch/step.ts
function runSteps(steps3, context, memory, locals, last) {
  for (const step3 of steps3) {
    const outcome = step3.run(context, memory, locals);
    if (outcome !== void 0) return outcome;
  }
  return last;
}

// src/arch/posted-interrupt-processing.ts
function isPostedInterrupt(p, vector2) {
  mark("12 step 1");
  if (!hasPin(p.vmcs, PinBased.processPostedInterrupts)) {
    mark("12 not processed");
    return false;
  }
  mark("12 step 2");
  return vector2 === p.vmcs.postedInterruptNotificationVector;
}
var postedInterruptProcessingSteps = [
  {
    name: "clear-on",
    run: (p, memory, locals) => {
      mark("12 step 3");
      locals.pid = descriptorIndex(memory, addressOf(p.vmcs.postedInterruptDescriptorAddress));
      const descriptor = descriptorAt(memory, locals.pid);
      if (descriptor !== void 0) descriptor.on = 0;
      return void 0;
    }
  },
  {
    // The physical local APIC is not part of the virtual processor: whoever runs the steps does its EOI here.
    name: "eoi",
    run: () => {
      mark("12 step 4");
      return void 0;
    }
  },
  {
    name: "move-pir",
    run: (p, memory, locals) => {
      mark("12 step 5");
      const descriptor = descriptorAt(memory, locals.pid);
      if (descriptor === void 0) {
        locals.highest = -1;
        return void 0;
      }
      const pir = descriptor.pir;
      const irr = p.page.irr;
      locals.highest = highestBit(pir);
      for (let word = 0; word < 8; word++) {
        const posted = pir[word];
        if (posted === 0) continue;
        irr[word] = (irr[word] | posted) >>> 0;
        pir[word] = 0;
      }
      return void 0;
    }
  },
  {
    name: "set-rvi",
    run: (p, _memory, locals) => {
      mark("12 step 6");
      if (locals.highest > rvi(p.vmcs)) setRvi(p.vmcs, locals.highest);
      return void 0;
    }
  },
  {
    name: "evaluate",
    run: (p) => {
      mark("12 step 7");
      evaluatePendingVirtualInterrupts(p);
      return void 0;
    }
  }
];

// src/arch/external-interrupt.ts
var unacknowledgedExit = {
  kind: "exit",
  reason: ExitReason.ExternalInterrupt,
  qualification: 0,
  trapLike: false
};
function acknowledgedInterruptExit(vector2) {
  return { ...unacknowledgedExit, interruptionInformation: (2147483648 | vector2) >>> 0 };
}
function externalInterruptExit(p, vector2) {
  return hasExit(p.vmcs, Exit.acknowledgeInterruptOnExit) ? acknowledgedInterruptExit(vector2) : unacknowledgedExit;
}

// src/engine/frames.ts
function call(machine, processor2, routine) {
  return callOn(machine.threads[processor2.thread], routine);
}
function callOn(thread2, routine) {
  const locals = routine.locals();
  thread2.push({ at: routine.entry, value: 0, left: 0, event: 0, locals });
  return locals;
}
function interruptWith(thread2, routine) {
  const locals = routine.locals();
  thread2.push({ at: routine.entry, value: 0, left: 0, event: 1, locals });
  return locals;
}
function interruptAt(thread2, entry) {
  interruptWith(thread2, stageTable[entry].routine);
}
function callAt(thread2, entry) {
  callOn(thread2, stageTable[entry].routine);
}
function topFrame(thread2) {
  return thread2[thread2.length - 1];
}
function stageOf(frame2) {
  return stageTable[frame2.at];
}
function instructionIndex(thread2, action) {
  for (let index = thread2.length - 1; index >= 0; index--) {
    const kind = stageOf(thread2[index]).kind;
    if (kind === "instruction") return index;
    if (kind === "program") break;
  }
  const top = topFrame(thread2);
  throw new InternalError(
    top === void 0 ? "ended thread" : stageName(top.at),
    `no instruction on top to ${action}: a handler acted twice, or on an exit that was trap-like`
  );
}
function restartInstruction(thread2) {
  const index = instructionIndex(thread2, "restart");
  thread2.length = index + 1;
  const frame2 = thread2[index];
  const { routine } = stageOf(frame2);
  frame2.at = routine.entry;
  frame2.value = 0;
  frame2.left = 0;
  if (routine.scratch.length > 0) {
    const initial = routine.locals();
    for (const name of routine.scratch) frame2.locals[name] = initial[name];
  }
}
function retireInstruction(thread2, value = 0) {
  const index = instructionIndex(thread2, "retire");
  thread2.length = index;
  const caller = topFrame(thread2);
  if (caller !== void 0) caller.value = value;
}
function inInstruction(thread2) {
  for (let index = thread2.length - 1; index >= 0; index--) {
    const kind = stageOf(thread2[index]).kind;
    if (kind === "instruction") return true;
    if (kind === "program") return false;
  }
  return false;
}

// src/hardware/interrupt-table.ts
function setHandler(table2, vector2, entry) {
  for (let i = 0; i < table2.length; i += 2) {
    if (table2[i] === vector2) {
      table2[i + 1] = entry;
      return;
    }
  }
  table2.push(vector2, entry);
}
function handlerOf(table2, vector2) {
  for (let i = 0; i < table2.length; i += 2) if (table2[i] === vector2) return table2[i + 1];
  throw new InternalError(`vector ${vector2}`, "is delivered but no handler was set for it");
}

// src/hardware/machine.ts
var ApicPageMapping = { notPresent: 0, misconfigured: 1, accessPage: 2 };
var hardware = notation();
function currentVcpu(machine, processor2) {
  return machine.vcpus[processor2.vcpu];
}

// src/hardware/records.ts
var Record = {
  vmExit: recordKind("vm-exit", "reason", "qualification"),
  vmEntry: recordKind("vm-entry", "vcpu"),
  /** An interrupt was posted to a descriptor. */
  posted: recordKind("posted", "descriptor", "vector"),
  /** The vector was pending in the descriptor already. */
  coalesced: recordKind("coalesced", "descriptor", "vector"),
  /** A vector goes through the guest's IDT. */
  delivered: recordKind("delivered", "vcpu", "vector"),
  /** EOI virtualization ended the service of a vector. */
  endOfInterrupt: recordKind("end-of-interrupt", "vcpu", "vector"),
  /** An exception goes through the guest's IDT. */
  exception: recordKind("exception", "vcpu", "vector"),
  /** VM entry injects an event: the vector, and the type of the interruption information. */
  injected: recordKind("injected", "vcpu", "vector"),
  /** A logical processor begins (1) or ends (0) an idle state: its number. */
  idle: recordKind("idle", "state", "begins"),
  /** It begins (1) or ends (0) to handle an interrupt in root operation. */
  hostInterrupt: recordKind("host-interrupt", "vector", "begins"),
  physicalIpi: recordKind("physical-ipi", "destination", "vector"),
  /** A guest program asks for an IPI. */
  ipiSent: recordKind("ipi-sent", "vcpu", "vector"),
  /** The guest program begins (1) or ends (0) an iteration of what it measures. */
  iteration: recordKind("iteration", "number", "begins")
};

// src/hardware/external-interrupt.ts
var { microcode, stage } = hardware;
var IdleState = { poll: 0, c1: 1 };
var idleStateNames = ["POLL", "C1"];
var externalInterrupt = microcode("external-interrupt", () => ({ vector: 0, masked: 0 }), [
  stage("idt-vectoring", "idtVectoring", shared, (m, cpu, f) => {
    f.masked = f.vector === 2 ? cpu.masked : 0;
    cpu.masked = 1;
    observe(m, Record.hostInterrupt, f.vector, 1);
    interruptAt(m.threads[cpu.thread], handlerOf(m.hostInterrupts, f.vector));
  }),
  stage("iret", "iret", shared, (m, cpu, f) => {
    observe(m, Record.hostInterrupt, f.vector, 0);
    cpu.masked = f.masked;
    cpu.attention = 1;
  })
]);
var leaveHalt = microcode("leave-halt", () => ({}), [
  stage("leave-c-state", "idleExit", shared, (m) => {
    observe(m, Record.idle, IdleState.c1, 0);
  })
]);

// src/arch/posting.ts
var setPir = {
  name: "set-pir",
  run: (_context, memory, locals) => {
    mark("13 poster PIR");
    const descriptor = descriptorAt(memory, locals.pid);
    if (descriptor !== void 0) setBit(descriptor.pir, locals.vector);
    return void 0;
  }
};
var notify2 = {
  name: "notify",
  run: (_context, _memory, locals) => {
    mark("13 poster notification");
    return { kind: "posted", notify: true, vector: locals.nv, destination: locals.ndst };
  }
};
function takeNotification(memory, locals) {
  const descriptor = descriptorAt(memory, locals.pid);
  if (descriptor === void 0) return postedSilently;
  descriptor.on = 1;
  locals.nv = descriptor.nv;
  locals.ndst = descriptor.ndst;
  return void 0;
}
var postingSteps = [
  setPir,
  {
    name: "set-on",
    run: (_context, memory, locals) => {
      const descriptor = descriptorAt(memory, locals.pid);
      if (descriptor === void 0 || descriptor.on !== 0) {
        mark("13 poster ON");
        return postedSilently;
      }
      if (descriptor.sn !== 0) {
        if (locals.urgent === 0) {
          mark("13 poster SN");
          return postedSilently;
        }
        mark("13 poster URG");
      }
      return takeNotification(memory, locals);
    }
  },
  notify2
];
var softwarePostingSteps = [
  {
    name: "set-pir",
    run: (_context, memory, locals) => {
      const descriptor = descriptorAt(memory, locals.pid);
      if (descriptor === void 0 || testBit(descriptor.pir, locals.vector)) {
        mark("13 software PIR already set");
        return postedSilently;
      }
      setBit(descriptor.pir, locals.vector);
      return void 0;
    }
  },
  {
    name: "set-on",
    run: (_context, memory, locals) => {
      const descriptor = descriptorAt(memory, locals.pid);
      if (descriptor === void 0 || descriptor.on !== 0) return postedSilently;
      mark("13 software ignores SN");
      return takeNotification(memory, locals);
    }
  },
  notify2
];
function postInterrupt(memory, pid, vector2, urgent = 0) {
  return runSteps(postingSteps, void 0, memory, { vector: vector2, pid, urgent, nv: 0, ndst: 0 }, postedSilently);
}

// src/hardware/physical-apic.ts
function createPhysicalApic(id2) {
  return { id: id2, irr: emptyBits256(), isr: emptyBits256() };
}
var flight = costKey("ipiFlight");
var nmiMessage = 256;
function sendPhysicalIpi(machine, destination, vector2) {
  if (destination >= machine.processors.length) return;
  observe(machine, Record.physicalIpi, destination, vector2);
  send(machine, destination, vector2, flight);
}
function acceptInterrupt(processor2, vector2) {
  setBit(processor2.apic.irr, vector2);
  processor2.attention = 1;
}
function pendingVector(apic) {
  const vector2 = highestBit(apic.irr);
  if (vector2 < 0) return -1;
  const inService2 = highestBit(apic.isr);
  return inService2 >= 0 && vector2 >> 4 <= inService2 >> 4 ? -1 : vector2;
}
function acknowledge(apic, vector2) {
  clearBit(apic.irr, vector2);
  setBit(apic.isr, vector2);
}
function physicalEoi(processor2) {
  const { apic } = processor2;
  const vector2 = highestBit(apic.isr);
  if (vector2 >= 0) clearBit(apic.isr, vector2);
  if (highestBit(apic.irr) >= 0) processor2.attention = 1;
}

// src/hardware/iommu-posting.ts
function postByIommu(machine, pid, vector2, urgent = 0) {
  const descriptor = machine.memory.descriptors[pid];
  const pending = descriptor !== void 0 && testBit(descriptor.pir, vector2);
  observe(machine, pending ? Record.coalesced : Record.posted, pid, vector2);
  const outcome = postInterrupt(machine.memory, pid, vector2, urgent);
  if (outcome.kind !== "posted" || !outcome.notify) return;
  notify(machine, machine.vcpus[pid]?.channel ?? -1);
  sendPhysicalIpi(machine, outcome.destination, outcome.vector);
}

// src/hardware/exceptions.ts
var { microcode: microcode2, stage: stage2 } = hardware;
var faulted = -1;
var AfterFault = { retry: 0, skip: 1 };
function skipFaulting(thread2) {
  thread2.splice(thread2.length - 2, 1);
  const caller = thread2[thread2.length - 2];
  if (caller !== void 0) caller.value = faulted;
}
var exceptionDelivery = microcode2("exception-delivery", () => ({ vector: 0, interruptFlag: 0 }), [
  stage2("idt-vectoring", "idtVectoring", shared, (m, cpu, f) => {
    const vcpu = currentVcpu(m, cpu);
    const thread2 = m.threads[cpu.thread];
    f.interruptFlag = vcpu.interruptFlag;
    vcpu.interruptFlag = 0;
    observe(m, Record.exception, vcpu.id, f.vector);
    callAt(thread2, handlerOf(vcpu.guestInterrupts, f.vector));
  }),
  stage2("iret", "iret", shared, (m, cpu, f, after) => {
    currentVcpu(m, cpu).interruptFlag = f.interruptFlag;
    cpu.attention = 1;
    if (after === AfterFault.skip) skipFaulting(m.threads[cpu.thread]);
    return done;
  })
]);
function raiseFault(machine, processor2, vector2) {
  const thread2 = machine.threads[processor2.thread];
  restartInstruction(thread2);
  processor2.shadow = 0;
  interruptWith(thread2, exceptionDelivery).vector = vector2;
}

// src/arch/ppr-virtualization.ts
function pprVirtualization(p) {
  const tpr = p.page.tpr & 255;
  const service = svi(p.vmcs) & 240;
  if ((tpr & 240) >= service) {
    mark("5 VTPR");
    p.page.ppr = tpr;
  } else {
    mark("5 SVI");
    p.page.ppr = service;
  }
}

// src/arch/tpr-virtualization.ts
var tprBelowThresholdExit = {
  kind: "exit",
  reason: ExitReason.TprBelowThreshold,
  qualification: 0,
  trapLike: true
};
function tprVirtualization(p) {
  if (hasSecondary(p.vmcs, Secondary.virtualInterruptDelivery)) {
    mark("4 step 2");
    pprVirtualization(p);
    evaluatePendingVirtualInterrupts(p);
    return completed;
  }
  if ((p.page.tpr >>> 4 & 15) < (p.vmcs.tprThreshold & 15)) {
    mark("4 step 1");
    return tprBelowThresholdExit;
  }
  return completed;
}

// src/arch/vm-entry-apic.ts
function enterApicVirtualization(p) {
  const { vmcs: vmcs2 } = p;
  p.recognized = 0;
  if (hasSecondary(vmcs2, Secondary.virtualInterruptDelivery)) {
    mark("11 VM entry");
    pprVirtualization(p);
    evaluatePendingVirtualInterrupts(p);
    return completed;
  }
  if (hasPrimary(vmcs2, Primary.useTprShadow) && hasSecondary(vmcs2, Secondary.virtualizeApicAccesses) && p.activity < 2 && (vmcs2.tprThreshold & 15) > (p.page.tpr >>> 4 & 15)) {
    mark("4 exit after entry");
    return tprBelowThresholdExit;
  }
  return completed;
}
function leaveApicVirtualization(p) {
  p.recognized = 0;
}

// src/hardware/preemption-timer.ts
var preemptionTimerShift = 5;
function hasPreemptionTimer(vcpu) {
  return vcpu.preemptionTimer >= 0 && hasPin(vcpu.vmcs, PinBased.activateVmxPreemptionTimer);
}
function loadPreemptionTimer(machine, vcpu) {
  arm(machine, vcpu.preemptionTimer, vcpu.preemptionTimerValue * 2 ** preemptionTimerShift);
}
function preemptionTimerCounts(machine, vcpu) {
  const timer2 = machine.timers[vcpu.preemptionTimer];
  return timer2 !== void 0 && (timer2.armed === 1 || timer2.expired === 1);
}
function stopPreemptionTimer(machine, vcpu) {
  cancel(machine, vcpu.preemptionTimer);
}
function preemptionTimerExpired(machine, vcpu) {
  return hasPreemptionTimer(vcpu) && machine.timers[vcpu.preemptionTimer]?.expired === 1;
}

// src/hardware/vm-exit.ts
var { microcode: microcode3, stage: stage3, glue } = hardware;
var vmExitMicrocode = microcode3("vm-exit", () => ({}), [
  glue(
    "preemption-timer",
    (m, cpu) => preemptionTimerCounts(m, currentVcpu(m, cpu)) ? "save-guest-and-stop-timer" : void 0,
    { to: ["save-guest-and-stop-timer"] }
  ),
  stage3("save-guest-load-host", "vmExit", local, () => done),
  stage3("save-guest-and-stop-timer", "vmExit", shared, (m, cpu) => {
    stopPreemptionTimer(m, currentVcpu(m, cpu));
  })
]);
function vmExit(machine, processor2, exit3) {
  const vcpu = currentVcpu(machine, processor2);
  const guest2 = machine.threads[vcpu.thread];
  if (vcpu.activity === 0 && inInstruction(guest2)) {
    if (exit3.trapLike) retireInstruction(guest2);
    else restartInstruction(guest2);
  }
  vcpu.exit.reason = exit3.reason;
  vcpu.exit.qualification = exit3.qualification;
  vcpu.exit.interruptionInformation = exit3.interruptionInformation ?? 0;
  vcpu.interruptibility = vcpu.interruptibility & ~1 | (processor2.shadow > 0 ? 1 : 0);
  leaveApicVirtualization(vcpu);
  processor2.shadow = 0;
  processor2.nonRoot = 0;
  processor2.masked = 1;
  processor2.thread = processor2.hostThread;
  observe(machine, Record.vmExit, exit3.reason, exit3.qualification);
  callOn(machine.threads[processor2.hostThread], vmExitMicrocode);
}

// src/hardware/outcome.ts
function carryOut(machine, processor2, outcome) {
  if (outcome === void 0) return void 0;
  switch (outcome.kind) {
    case "exit":
      vmExit(machine, processor2, outcome);
      return void 0;
    case "posted":
      if (outcome.notify) sendPhysicalIpi(machine, outcome.destination, outcome.vector);
      return done;
    case "completed":
      return done;
    case "data":
      return outcome.low;
    case "fault":
      raiseFault(machine, processor2, outcome.vector);
      return void 0;
    default:
      throw new InternalError(
        `virtual CPU ${processor2.vcpu}`,
        `the guest program ran into '${outcome.kind}', which no guest program of this library does`
      );
  }
}
function stepStage(step3, cost, visibility, options = {}) {
  return hardware.stage(
    step3.name,
    cost,
    visibility,
    (machine, processor2, locals) => carryOut(machine, processor2, step3.run(currentVcpu(machine, processor2), machine.memory, locals)),
    options
  );
}
function stepNamed(steps3, name) {
  const step3 = steps3.find((candidate) => candidate.name === name);
  if (step3 === void 0) throw new InternalError(name, "the architecture has no step of this name");
  return step3;
}

// src/hardware/posted-interrupt-processing.ts
var { microcode: microcode4, stage: stage4 } = hardware;
var steps = postedInterruptProcessingSteps;
function ownDescriptorLine(machine, processor2) {
  return currentVcpu(machine, processor2).descriptorLine;
}
var postedInterruptProcessing = microcode4("posted-interrupt-processing", () => ({ pid: -1, highest: -1 }), [
  stage4("acknowledge", "interruptAcknowledge", local, () => {
  }),
  stepStage(stepNamed(steps, "clear-on"), "pidOnClear", shared, { line: ownDescriptorLine }),
  stage4("eoi", "physicalEoi", local, (_m, cpu) => {
    physicalEoi(cpu);
  }),
  stepStage(stepNamed(steps, "move-pir"), "pirToVirr", shared, { line: ownDescriptorLine }),
  stepStage(stepNamed(steps, "set-rvi"), "setRvi", local),
  stage4("evaluate", "evaluatePending", local, (m, cpu, f) => {
    evaluate.run(currentVcpu(m, cpu), m.memory, f);
    cpu.attention = 1;
  })
]);
var evaluate = stepNamed(steps, "evaluate");

// src/engine/state.ts
function emptyRequests() {
  return { count: 0, words: [] };
}
function createProcessor(id2, thread2) {
  return { id: id2, thread: thread2, attention: 0, masked: 0, shadow: 0, inFlight: [], storeBuffer: [] };
}
function createTimer() {
  return { armed: 0, expired: 0, channel: -1 };
}

// src/hardware/timer-uses.ts
var TimerKind = {
  /** Nothing by itself: somebody waits for it, or asks whether it has expired. */
  passive: 0,
  /** The local timer of `processor` raises `vector` there. */
  localTimer: 1,
  /** The VMX-preemption timer of virtual CPU `owner`, while it runs in VMX non-root operation. */
  preemption: 2,
  /** A device's interrupt, remapped in posted format: `vector` to descriptor `owner`. */
  postedDevice: 3
};
function addTimer(machine, use = {}) {
  machine.timerUses.push({ kind: TimerKind.passive, processor: -1, vector: 0, owner: -1, handler: -1, ...use });
  return machine.timers.push(createTimer()) - 1;
}
function timerUse(machine, timer2) {
  const use = machine.timerUses[timer2];
  if (use === void 0) throw new InternalError(`timer ${timer2}`, "has no use");
  return use;
}

// src/hardware/virtual-interrupt-delivery.ts
var { microcode: microcode5, stage: stage5 } = hardware;
var virtualInterruptDelivery = microcode5("virtual-interrupt-delivery", () => ({ vector: 0 }), [
  stage5("update-virtual-apic", "virtualInterruptUpdate", local, (m, cpu, f) => {
    const vcpu = currentVcpu(m, cpu);
    f.vector = deliverVirtualInterrupt(vcpu);
    vcpu.interruptFlag = 0;
    observe(m, Record.delivered, vcpu.id, f.vector);
  }),
  stage5("idt-vectoring", "idtVectoring", local, (m, cpu, f) => {
    interruptAt(m.threads[cpu.thread], handlerOf(currentVcpu(m, cpu).guestInterrupts, f.vector));
  })
]);
function iret(machine, processor2) {
  currentVcpu(machine, processor2).interruptFlag = 1;
  processor2.attention = 1;
}
function iretFromNmi(machine, processor2) {
  currentVcpu(machine, processor2).interruptibility &= ~8;
  processor2.attention = 1;
}

// src/hardware/events.ts
var preemptionTimerExit = {
  kind: "exit",
  reason: ExitReason.PreemptionTimer,
  qualification: 0,
  trapLike: false
};
var nmiWindowExit = { kind: "exit", reason: ExitReason.NmiWindow, qualification: 0, trapLike: false };
var interruptWindowExit2 = {
  kind: "exit",
  reason: ExitReason.InterruptWindow,
  qualification: 0,
  trapLike: false
};
var nmiExit = {
  kind: "exit",
  reason: ExitReason.ExceptionNmi,
  qualification: 0,
  trapLike: false,
  interruptionInformation: 2147484162
};
function recogniseInGuest(machine, processor2) {
  const vcpu = currentVcpu(machine, processor2);
  const thread2 = machine.threads[processor2.thread];
  vcpu.interruptibility = vcpu.interruptibility & ~1 | (processor2.shadow > 0 ? 1 : 0);
  if (preemptionTimerExpired(machine, vcpu) && !isBlocked(vcpu, "preemption-timer")) {
    vmExit(machine, processor2, preemptionTimerExit);
    return true;
  }
  if (!isBlocked(vcpu, "nmi-window")) {
    vmExit(machine, processor2, nmiWindowExit);
    return true;
  }
  if (processor2.nmi === 1 && !isBlocked(vcpu, "nmi")) {
    processor2.nmi = 0;
    vmExit(machine, processor2, nmiExit);
    return true;
  }
  if (!isBlocked(vcpu, "interrupt-window")) {
    vmExit(machine, processor2, interruptWindowExit2);
    return true;
  }
  if (canDeliver(vcpu)) {
    interruptWith(thread2, virtualInterruptDelivery);
    return true;
  }
  const vector2 = pendingVector(processor2.apic);
  if (vector2 < 0 || isBlocked(vcpu, "external-interrupt")) {
    processor2.attention = 0;
    return false;
  }
  if (isPostedInterrupt(vcpu, vector2)) {
    acknowledge(processor2.apic, vector2);
    interruptWith(thread2, postedInterruptProcessing);
    return true;
  }
  const exit3 = externalInterruptExit(vcpu, vector2);
  if (exit3.interruptionInformation !== void 0) acknowledge(processor2.apic, vector2);
  vmExit(machine, processor2, exit3);
  return true;
}
function recogniseInHost(machine, processor2) {
  const thread2 = machine.threads[processor2.thread];
  const vector2 = pendingVector(processor2.apic);
  if (vector2 < 0 && processor2.nmi === 0) {
    processor2.attention = 0;
    return false;
  }
  if (processor2.nmi === 0 && processor2.masked === 1) return false;
  if (processor2.halted === 1) {
    processor2.halted = 0;
    interruptWith(thread2, leaveHalt);
    return true;
  }
  if (processor2.nmi === 1) {
    processor2.nmi = 0;
    interruptWith(thread2, externalInterrupt).vector = 2;
    return true;
  }
  acknowledge(processor2.apic, vector2);
  processor2.masked = 1;
  interruptWith(thread2, externalInterrupt).vector = vector2;
  return true;
}
function expire(machine, timer2) {
  const use = timerUse(machine, timer2);
  if (use.kind === TimerKind.localTimer) {
    const processor2 = machine.processors[use.processor];
    processor2.expiredTimers.push(timer2);
    acceptInterrupt(processor2, use.vector);
    return processor2.id;
  }
  if (use.kind === TimerKind.postedDevice) postByIommu(machine, use.owner, use.vector);
  if (use.kind === TimerKind.preemption) {
    for (const processor2 of machine.processors) {
      if (processor2.nonRoot === 1 && processor2.vcpu === use.owner) {
        processor2.attention = 1;
        return processor2.id;
      }
    }
  }
  return -1;
}
var hardwareHooks = {
  recognise: (machine, processor2) => processor2.nonRoot === 1 ? recogniseInGuest(machine, processor2) : recogniseInHost(machine, processor2),
  arrive: (_machine, processor2, message) => {
    if (message === nmiMessage) {
      processor2.nmi = 1;
      processor2.attention = 1;
    } else {
      acceptInterrupt(processor2, message);
    }
  },
  expire,
  shadowEnded: (_machine, processor2) => {
    processor2.attention = 1;
  }
};

// src/host/topology.ts
function processorCount(topology) {
  return topology.sockets * topology.coresPerSocket * topology.threadsPerCore;
}
function distanceBetween(topology) {
  const perCore = topology.threadsPerCore;
  const perSocket = perCore * topology.coresPerSocket;
  return (a, b) => {
    if (a === b) return 0;
    if (Math.floor(a / perCore) === Math.floor(b / perCore)) return 1;
    return Math.floor(a / perSocket) === Math.floor(b / perSocket) ? 2 : 3;
  };
}

// src/observe/account.ts
var kept = 16;
var settled = 8;
function createAccount(activity) {
  return { recent: [activity, 0], cycles: [] };
}
function activityOf({ recent }) {
  return recent[recent.length - 2];
}
function activeSince({ recent }) {
  return recent[recent.length - 1];
}
function change(account2, activity, time, window) {
  const { recent } = account2;
  if (recent[recent.length - 2] === activity) return;
  recent.push(activity, time);
  if (recent.length < 2 * kept) return;
  for (let at = 0; at < 2 * settled; at += 2) {
    add(account2.cycles, recent[at], overlap(recent[at + 1], recent[at + 3], window));
  }
  recent.copyWithin(0, 2 * settled);
  for (let i = 0; i < 2 * settled; i++) recent.pop();
}
function overlap(from, to, { began, closed }) {
  if (began < 0) return 0;
  return Math.max(0, Math.min(to, closed < 0 ? to : closed) - Math.max(from, began));
}
function add(cycles2, activity, amount) {
  while (cycles2.length <= activity) cycles2.push(0);
  cycles2[activity] = cycles2[activity] + amount;
}
function totalsOf({ recent, cycles: cycles2 }, window) {
  const totals = [...cycles2];
  for (let at = 0; at < recent.length; at += 2) {
    const end = at + 3 < recent.length ? recent[at + 3] : window.closed;
    add(
      totals,
      recent[at],
      overlap(recent[at + 1], Math.max(end, recent[at + 1]), window)
    );
  }
  return totals;
}

// src/observe/exit-reason-name.ts
var names = /* @__PURE__ */ new Map();
for (const [name, number4] of Object.entries(ExitReason)) {
  names.set(number4, name.replace(/(?<=[a-z0-9])(?=[A-Z])/g, "_").toUpperCase());
}
function exitReasonName(reason) {
  return names.get(reason) ?? `EXIT_${reason}`;
}

// src/observe/exit-statistics.ts
var width = 9;
var allWork = [0, 0, 0];
function addExit(exits, reason, cycles2, notWork = allWork) {
  add2(exits, [reason, 1, cycles2, cycles2, cycles2, cycles2 * cycles2, notWork[0], notWork[1], notWork[2]]);
}
function mergeExits(into, from) {
  for (let at = 0; at < from.length; at += width) add2(into, from.slice(at, at + width));
}
function add2(exits, row) {
  const [reason, , , min, max] = row;
  let at = 0;
  while (at < exits.length && exits[at] !== reason) at += width;
  if (at === exits.length) {
    exits.push(...row);
    return;
  }
  for (const sum of [1, 2, 5, 6, 7, 8]) exits[at + sum] = exits[at + sum] + row[sum];
  if (min < exits[at + 3]) exits[at + 3] = min;
  if (max > exits[at + 4]) exits[at + 4] = max;
}
function exitTotals(exits) {
  const totals = [];
  for (let at = 0; at < exits.length; at += width) {
    const [reason, count6, cycles2, min, max, squares, polling2, blocked, waiting] = exits.slice(at, at + width);
    const variance = count6 < 2 ? 0 : (squares - cycles2 * cycles2 / count6) / (count6 - 1);
    totals.push({
      reason: exitReasonName(reason),
      count: count6,
      cycles: cycles2,
      min,
      max,
      stdev: Math.sqrt(Math.max(0, variance)),
      polling: polling2,
      blocked,
      waiting,
      work: cycles2 - polling2 - blocked - waiting
    });
  }
  return totals.sort((a, b) => b.cycles - a.cycles);
}

// src/observe/recorder.ts
var ProcessorActivity = { guest: 0, host: 1, haltPoll: 2, otherLoad: 3, idle: 4 };
var VcpuActivity = { guest: 0, host: 1, haltPoll: 2, blocked: 3, waiting: 4 };
var OtherTask = { idle: -1, load: -2 };
function createCounters({
  processors: processors2,
  warmup = 0,
  total = 0,
  tasks = [],
  virtualCpus = 0
}) {
  const each = (count6, make) => Array.from({ length: count6 }, make);
  return {
    warmup,
    total,
    iterationBegan: -1,
    iterations: [],
    began: -1,
    ended: -1,
    closed: -1,
    exits: [],
    processors: each(processors2, () => createAccount(ProcessorActivity.host)),
    virtualCpus: each(virtualCpus, () => createAccount(VcpuActivity.waiting)),
    since: each(virtualCpus, () => 0),
    outBy: each(virtualCpus, () => -2),
    notWork: each(3 * virtualCpus, () => 0),
    tasks: [...tasks],
    running: each(processors2, () => OtherTask.idle),
    depth: each(processors2, () => 0),
    interrupted: each(processors2, () => ProcessorActivity.host),
    sent: 0,
    delivered: 0,
    coalesced: 0
  };
}
function activityFor(running) {
  return running === OtherTask.load ? ProcessorActivity.otherLoad : ProcessorActivity.host;
}
function processorDoes(counters2, processor2, activity, time) {
  change(counters2.processors[processor2], activity, time, counters2);
}
function vcpuDoes(counters2, vcpu, activity, time) {
  const account2 = counters2.virtualCpus[vcpu];
  if (account2 === void 0) return;
  const before2 = activityOf(account2);
  if (before2 >= VcpuActivity.haltPoll && before2 !== activity) {
    const at = 3 * vcpu + before2 - VcpuActivity.haltPoll;
    counters2.notWork[at] = counters2.notWork[at] + overlap(activeSince(account2), time, counters2);
  }
  change(account2, activity, time, counters2);
}
function runningDoes(counters2, processor2, activity, time) {
  processorDoes(counters2, processor2, activity, time);
  const vcpu = counters2.running[processor2];
  if (vcpu >= 0) vcpuDoes(counters2, vcpu, activity, time);
}
function enter(counters2, processor2, vcpu, time) {
  counters2.running[processor2] = vcpu;
  processorDoes(counters2, processor2, ProcessorActivity.guest, time);
  vcpuDoes(counters2, vcpu, VcpuActivity.guest, time);
  const reason = counters2.outBy[vcpu];
  const { notWork, closed, began } = counters2;
  if (reason >= 0 && began >= 0 && (closed < 0 || time <= closed)) {
    const cycles2 = overlap(counters2.since[vcpu], time, counters2);
    const at = 3 * vcpu;
    addExit(counters2.exits, reason, cycles2, [
      notWork[at],
      notWork[at + 1],
      notWork[at + 2]
    ]);
  }
  for (let i = 3 * vcpu; i < 3 * vcpu + 3; i++) notWork[i] = 0;
  counters2.since[vcpu] = time;
  counters2.outBy[vcpu] = -1;
}
function exit(counters2, processor2, reason, time) {
  const vcpu = counters2.running[processor2];
  processorDoes(counters2, processor2, ProcessorActivity.host, time);
  vcpuDoes(counters2, vcpu, VcpuActivity.host, time);
  counters2.since[vcpu] = time;
  counters2.outBy[vcpu] = reason;
}
function interrupt(counters2, processor2, begins, time) {
  const { depth, interrupted } = counters2;
  if (begins === 1) {
    if (depth[processor2] === 0) interrupted[processor2] = activityOf(counters2.processors[processor2]);
    depth[processor2] = depth[processor2] + 1;
    runningDoes(counters2, processor2, ProcessorActivity.host, time);
  } else if (depth[processor2] > 0) {
    depth[processor2] = depth[processor2] - 1;
    if (depth[processor2] !== 0) return;
    const before2 = interrupted[processor2];
    if (before2 === ProcessorActivity.haltPoll) runningDoes(counters2, processor2, before2, time);
    else processorDoes(counters2, processor2, before2, time);
  }
}
function schedIn(counters2, processor2, task, time) {
  const running = counters2.tasks[task] ?? OtherTask.load;
  counters2.running[processor2] = running;
  counters2.depth[processor2] = 0;
  processorDoes(counters2, processor2, activityFor(running), time);
  if (running >= 0) vcpuDoes(counters2, running, VcpuActivity.host, time);
}
function iterate(counters2, number4, begins, time) {
  if (begins === 1) {
    counters2.iterationBegan = time;
    if (number4 === counters2.warmup) counters2.began = time;
  } else if (counters2.began >= 0) {
    counters2.iterations.push(time - counters2.iterationBegan);
    counters2.ended = time;
    if (counters2.iterations.length === counters2.total) counters2.closed = time;
  }
}
function createRecorder() {
  const number4 = (name) => recordKindOf(name).number;
  const vmExit2 = number4("vm-exit");
  const vmEntry2 = number4("vm-entry");
  const coalesced = number4("coalesced");
  const delivered = number4("delivered");
  const ipiSent = number4("ipi-sent");
  const iteration = number4("iteration");
  const idle = number4("idle");
  const hostInterrupt = number4("host-interrupt");
  const out = number4("sched-out");
  const into = number4("sched-in");
  const wakeup = number4("sched-wakeup");
  const haltPoll = number4("halt-poll");
  return (counters2, time, processor2, kind, a, b) => {
    if (kind === vmExit2) {
      exit(counters2, processor2, a, time);
    } else if (kind === vmEntry2) {
      enter(counters2, processor2, a, time);
    } else if (kind === iteration) {
      iterate(counters2, a, b, time);
    } else if (kind === hostInterrupt) {
      interrupt(counters2, processor2, b, time);
    } else if (kind === idle) {
      const activity = b === 1 ? ProcessorActivity.idle + a : ProcessorActivity.host;
      processorDoes(counters2, processor2, activity, time);
    } else if (kind === haltPoll) {
      runningDoes(counters2, processor2, b === 1 ? ProcessorActivity.haltPoll : ProcessorActivity.host, time);
    } else if (kind === into) {
      schedIn(counters2, processor2, a, time);
    } else if (kind === out || kind === wakeup) {
      const vcpu = counters2.tasks[a] ?? OtherTask.load;
      const ready = kind === wakeup || b === 1;
      if (vcpu >= 0) vcpuDoes(counters2, vcpu, ready ? VcpuActivity.waiting : VcpuActivity.blocked, time);
    } else if (counters2.began < 0 || counters2.closed >= 0) {
      return;
    } else if (kind === ipiSent) {
      counters2.sent++;
    } else if (kind === delivered) {
      counters2.delivered++;
    } else if (kind === coalesced) {
      counters2.coalesced++;
    }
  };
}
function finishCounters(counters2) {
  if (counters2.began >= 0 && counters2.closed < 0) counters2.closed = counters2.ended;
}

// src/observe/cpu-time.ts
function processorTime(account2, counters2, states) {
  const totals = totalsOf(account2, counters2);
  const of = (activity) => totals[activity] ?? 0;
  const byState = {};
  let idle = 0;
  states.forEach((state, number4) => {
    const cycles2 = of(ProcessorActivity.idle + number4);
    if (cycles2 > 0) byState[state] = cycles2;
    idle += cycles2;
  });
  return {
    guest: of(ProcessorActivity.guest),
    host: of(ProcessorActivity.host),
    haltPoll: of(ProcessorActivity.haltPoll),
    idle,
    idleByState: byState,
    otherLoad: of(ProcessorActivity.otherLoad)
  };
}
function vcpuTime(account2, counters2) {
  const totals = totalsOf(account2, counters2);
  const of = (activity) => totals[activity] ?? 0;
  return {
    guest: of(VcpuActivity.guest),
    host: of(VcpuActivity.host),
    haltPoll: of(VcpuActivity.haltPoll),
    blocked: of(VcpuActivity.blocked),
    steal: of(VcpuActivity.waiting)
  };
}
function addProcessorTimes(times) {
  const sum = (part) => times.reduce((all, time) => all + part(time), 0);
  const byState = {};
  for (const { idleByState } of times) {
    for (const [state, cycles2] of Object.entries(idleByState)) byState[state] = (byState[state] ?? 0) + cycles2;
  }
  return {
    guest: sum(({ guest: guest2 }) => guest2),
    host: sum(({ host: host2 }) => host2),
    haltPoll: sum(({ haltPoll }) => haltPoll),
    idle: sum(({ idle }) => idle),
    idleByState: byState,
    otherLoad: sum(({ otherLoad }) => otherLoad)
  };
}
function addVcpuTimes(times) {
  const sum = (part) => times.reduce((all, time) => all + time[part], 0);
  return {
    guest: sum("guest"),
    host: sum("host"),
    haltPoll: sum("haltPoll"),
    blocked: sum("blocked"),
    steal: sum("steal")
  };
}
function together(processors2, vcpus, elapsed) {
  return { ...addProcessorTimes(processors2), steal: addVcpuTimes(vcpus).steal, elapsed, processors: processors2, vcpus };
}
function cpuTimeOf(counters2, states) {
  return together(
    counters2.processors.map((account2) => processorTime(account2, counters2, states)),
    counters2.virtualCpus.map((account2) => vcpuTime(account2, counters2)),
    counters2.closed - counters2.began
  );
}
function addCpuTimes(runs) {
  const transposed = (lists) => (lists[0] ?? []).map((_, index) => lists.map((list2) => list2[index]));
  return together(
    transposed(runs.map(({ processors: processors2 }) => processors2)).map(addProcessorTimes),
    transposed(runs.map(({ vcpus }) => vcpus)).map(addVcpuTimes),
    runs.reduce((sum, { elapsed }) => sum + elapsed, 0)
  );
}

// src/observe/critical-path.ts
function criticalPath(trace, processor2, begin, end) {
  const stages = byEnd(
    trace.stages.filter((stage43) => stage43.start < stage43.end),
    ({ processor: on, end: at2 }) => [on, at2]
  );
  const wakes = byEnd(trace.wakes, (wake) => [wake.processor, wake.time]);
  const flights = byEnd(trace.flights, (flight2) => [flight2.to, flight2.arrives]);
  const path = [];
  let at = processor2;
  let time = end;
  const passed = (stage43, from) => {
    const start = Math.max(from, begin);
    path.push({ processor: at, stage: stage43, start, cycles: time - start });
    time = from;
  };
  while (time > begin) {
    const wake = wakes(at, time);
    if (wake !== void 0 && wake.by >= 0) {
      at = wake.by;
    } else if (wake !== void 0) {
      const flight2 = flights(at, time);
      if (flight2 === void 0) break;
      at = flight2.from;
      passed("flight", flight2.sent);
      continue;
    }
    const stage43 = stages(at, time);
    if (stage43 === void 0) break;
    passed(stage43.stage, stage43.start);
  }
  return path.reverse();
}
function byEnd(records, place) {
  const found = /* @__PURE__ */ new Map();
  for (const record4 of records) {
    const key = place(record4).join(" ");
    if (!found.has(key)) found.set(key, record4);
  }
  return (processor2, time) => found.get(`${processor2} ${time}`);
}

// src/observe/statistics.ts
function summarize(values) {
  const n = values.length;
  if (n === 0) return { mean: 0, min: 0, max: 0, p50: 0, p99: 0, n: 0 };
  const sorted = [...values].sort((a, b) => a - b);
  const rank = (q) => sorted[Math.max(0, Math.ceil(q * n) - 1)];
  let sum = 0;
  for (const value of values) sum += value;
  return { mean: sum / n, min: sorted[0], max: sorted[n - 1], p50: rank(0.5), p99: rank(0.99), n };
}
function standardDeviation(values) {
  if (values.length < 2) return 0;
  const mean2 = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean2) ** 2, 0) / (values.length - 1));
}
function scaleSummary(summary, factor) {
  return {
    mean: summary.mean * factor,
    min: summary.min * factor,
    max: summary.max * factor,
    p50: summary.p50 * factor,
    p99: summary.p99 * factor,
    n: summary.n
  };
}
function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle];
  return sorted.length % 2 === 1 ? upper : (sorted[middle - 1] + upper) / 2;
}

// src/observe/trace.ts
function createTrace(tscGhz, vcpus = []) {
  return {
    tscGhz,
    vcpus: [...vcpus],
    activations: [],
    stages: [],
    waits: [],
    flights: [],
    wakes: [],
    events: [],
    kinds: {}
  };
}

// src/observe/trace-recorder.ts
function recordTrace(trace) {
  const begun = [];
  const processors2 = [];
  const activations = /* @__PURE__ */ new WeakMap();
  function activationOf(thread2) {
    let known = thread2.length - 1;
    while (known >= 0 && !activations.has(thread2[known])) known--;
    for (let index = known + 1; index < thread2.length; index++) {
      const frame2 = thread2[index];
      const { routine } = stageTable[frame2.at];
      activations.set(frame2, trace.activations.length);
      trace.activations.push({ routine: routine.name, kind: routine.kind, caller: callerOf(thread2, index) });
    }
    return activations.get(thread2[thread2.length - 1]);
  }
  function callerOf(thread2, index) {
    for (let below = index - 1; below >= 0; below--) {
      const frame2 = thread2[below];
      const stage43 = stageTable[frame2.at];
      if (stage43.type !== StageType.end || stage43.kind === "program") return activations.get(frame2);
    }
    return -1;
  }
  function leave(id2, time) {
    const open = begun[id2];
    if (open === void 0) return;
    begun[id2] = void 0;
    if (open.time === time) return;
    const { vcpu, guest: guest2, activation } = open;
    const span = {
      processor: id2,
      vcpu,
      guest: guest2,
      stage: stageName(open.stage.at),
      activation,
      start: open.time,
      end: time
    };
    if (open.stage.type === StageType.wait) trace.waits.push(span);
    else trace.stages.push({ ...span, finished: false });
  }
  return {
    trace,
    callbacks: {
      plain: true,
      onBegin: (processor2, stage43, time, thread2) => {
        processors2[processor2.id] = processor2;
        leave(processor2.id, time);
        const { vcpu = -1, nonRoot = 0 } = processor2;
        begun[processor2.id] = { processor: processor2, stage: stage43, time, activation: activationOf(thread2), vcpu, guest: nonRoot === 1 };
      },
      onStage: (id2, stage43, start, end) => {
        const open = begun[id2];
        if (open === void 0) return;
        begun[id2] = void 0;
        const { vcpu, guest: guest2, activation } = open;
        trace.stages.push({
          processor: id2,
          vcpu,
          guest: guest2,
          stage: stageName(stage43.at),
          activation,
          start,
          end,
          finished: true
        });
      },
      onSend: (from, to, message, sent, arrives) => {
        trace.flights.push({ from, to, message, sent, arrives });
      },
      onWake: (processor2, time, by) => {
        trace.wakes.push({ processor: processor2, time, by });
      },
      observe: (_observers, time, processor2, number4, a, b) => {
        const kind = recordKindOf(number4);
        trace.kinds[kind.name] ??= kind.fields;
        const { vcpu = -1, nonRoot = 0 } = processors2[processor2] ?? {};
        trace.events.push({ time, processor: processor2, vcpu, guest: nonRoot === 1, kind: kind.name, a, b });
      }
    },
    finish: (time) => {
      for (let id2 = 0; id2 < begun.length; id2++) leave(id2, time);
    }
  };
}

// src/arch/apic-mode.ts
var ApicMode = {
  /** EN = 0, EXTD = 0: as if there were no local APIC. */
  disabled: 0,
  /** EN = 1, EXTD = 0: memory-mapped registers, 8-bit IDs. */
  xapic: 1,
  /** EN = 1, EXTD = 1: registers as MSRs 800H-8FFH, 32-bit IDs. */
  x2apic: 2
};

// src/guest/machine.ts
var guest = notation();
function guestMemory(machine, processor2) {
  return machine.guests[machine.vcpus[processor2.vcpu]?.vm ?? -1];
}
function guestLine(machine, processor2) {
  return guestMemory(machine, processor2).line;
}

// src/guest/general-protection.ts
var { program, stage: stage6 } = guest;
var generalProtectionVector = 13;
var excGeneralProtection = program("exc_general_protection", () => ({}), [
  stage6("fixup_exception", "guestHandlerEntry", shared, (m, cpu) => {
    guestMemory(m, cpu).faults++;
    return AfterFault.skip;
  })
]);

// src/arch/icr.ts
var DeliveryMode = {
  fixed: 0,
  lowestPriority: 1,
  smi: 2,
  nmi: 4,
  init: 5,
  startUp: 6,
  /** LVT entries only. */
  extInt: 7
};
var Shorthand = {
  none: 0,
  self: 1,
  allIncludingSelf: 2,
  allExcludingSelf: 3
};
var icrReservedLow = 4294123520;
function icrVector(low) {
  return low & 255;
}
function icrDeliveryMode(low) {
  return low >>> 8 & 7;
}
function icrDestinationMode(low) {
  return low >>> 11 & 1;
}
function icrLevel(low) {
  return low >>> 14 & 1;
}
function icrTriggerMode(low) {
  return low >>> 15 & 1;
}
function icrShorthand(low) {
  return low >>> 18 & 3;
}

// src/arch/destination.ts
function apicId(apic) {
  return apic.mode === ApicMode.x2apic ? apic.registers.id : apic.registers.id >>> 24;
}
function x2apicLdr(id2) {
  return (id2 >>> 4 << 16 | 1 << (id2 & 15)) >>> 0;
}
function broadcastDestination(mode) {
  return mode === ApicMode.x2apic ? 4294967295 : 255;
}
function matchesPhysical(apic, destination) {
  return destination === broadcastDestination(apic.mode) || destination === apicId(apic);
}
function matchesX2apicCluster(ldr, destination) {
  if (destination === 4294967295) return true;
  return destination >>> 16 === ldr >>> 16 && (destination & ldr & 65535) !== 0;
}
function matchesFlat(ldr, destination) {
  return (destination & ldr >>> 24) !== 0;
}
function matchesCluster(ldr, destination) {
  const cluster = destination >>> 4 & 15;
  return (cluster === 15 || cluster === ldr >>> 28) && (destination & ldr >>> 24 & 15) !== 0;
}
function matchesLogical(apic, destination) {
  const { ldr, dfr } = apic.registers;
  if (apic.mode === ApicMode.x2apic) return matchesX2apicCluster(ldr, destination);
  const model = dfr >>> 28;
  if (model === 15) return matchesFlat(ldr, destination);
  return model === 0 && matchesCluster(ldr, destination);
}
function matchesDestination(apic, destination, destinationMode) {
  if (apic.mode === ApicMode.disabled) return false;
  return destinationMode === 0 ? matchesPhysical(apic, destination) : matchesLogical(apic, destination);
}
function matchesShorthand(shorthand, isSender) {
  if (shorthand === Shorthand.self) return isSender;
  if (shorthand === Shorthand.allExcludingSelf) return !isSender;
  return shorthand === Shorthand.allIncludingSelf;
}

// src/arch/apic-write-exit.ts
function apicWriteExit(offset) {
  return { kind: "exit", reason: ExitReason.ApicWrite, qualification: offset, trapLike: true };
}
var icrWriteExit = apicWriteExit(768);

// src/arch/eoi-virtualization.ts
function eoiExits(vmcs2, vector2) {
  const bitmap = vector2 < 128 ? vector2 < 64 ? vmcs2.eoiExitBitmap0 : vmcs2.eoiExitBitmap1 : vector2 < 192 ? vmcs2.eoiExitBitmap2 : vmcs2.eoiExitBitmap3;
  return ((vector2 & 32 ? bitmap[1] : bitmap[0]) >>> (vector2 & 31) & 1) === 1;
}
function eoiVirtualization(p) {
  const vector2 = svi(p.vmcs);
  const isr = p.page.isr;
  clearBit(isr, vector2);
  const next = highestBit(isr);
  setSvi(p.vmcs, next < 0 ? 0 : next);
  mark(vector2 === 0 ? "6 nothing in service" : "6 EOI");
  pprVirtualization(p);
  if (eoiExits(p.vmcs, vector2)) {
    mark("6 exit");
    return { kind: "exit", reason: ExitReason.EoiInduced, qualification: vector2, trapLike: true };
  }
  mark("6 evaluation");
  evaluatePendingVirtualInterrupts(p);
  return completed;
}

// src/arch/ipi-virtualization.ts
function isValidPidPointer(entry, width2) {
  if (entry % 64 !== 1) {
    mark("8 step 3 bits 5:0");
    return false;
  }
  if (entry >= 2 ** width2) {
    mark("8 step 3 width");
    return false;
  }
  return true;
}
var ipiVirtualizationSteps = [
  {
    name: "read-pid-pointer",
    run: (p, memory, locals) => {
      const { vector: vector2, destination } = locals;
      if (vector2 < 16) {
        mark("8 step 1");
        return icrWriteExit;
      }
      const vmcs2 = p.vmcs;
      if (destination > vmcs2.lastPidPointerIndex) {
        mark("8 step 2");
        return icrWriteExit;
      }
      const entry = readPidPointer(memory, addressOf(vmcs2.pidPointerTableAddress) + 8 * destination);
      if (!isValidPidPointer(entry, memory.physicalAddressWidth ?? 52)) return icrWriteExit;
      mark("8 step 3");
      locals.pid = descriptorIndex(memory, entry - 1);
      return void 0;
    }
  },
  {
    name: "set-pir",
    run: (_p, memory, locals) => {
      mark("8 step 4");
      const descriptor = descriptorAt(memory, locals.pid);
      if (descriptor !== void 0) setBit(descriptor.pir, locals.vector);
      return void 0;
    }
  },
  {
    name: "set-on",
    run: (_p, memory, locals) => {
      const descriptor = descriptorAt(memory, locals.pid);
      if (descriptor === void 0) {
        locals.nv = 0;
        locals.ndst = 0;
        return void 0;
      }
      if (descriptor.on !== 0 || descriptor.sn !== 0) {
        mark("8 step 5 suppressed");
        return postedSilently;
      }
      mark("8 step 5");
      descriptor.on = 1;
      locals.nv = descriptor.nv;
      locals.ndst = descriptor.ndst;
      return void 0;
    }
  },
  {
    name: "notify",
    run: (_p, _memory, locals) => {
      mark("8 step 6");
      return { kind: "posted", notify: true, vector: locals.nv, destination: locals.ndst };
    }
  }
];
function isEligibleForIpiVirtualization(low) {
  return (low & (icrReservedLow | 827136)) === 0;
}

// src/arch/self-ipi-virtualization.ts
function selfIpiVirtualization(p, vector2) {
  mark("7 self-IPI");
  setBit(p.page.irr, vector2);
  if (vector2 > rvi(p.vmcs)) setRvi(p.vmcs, vector2);
  evaluatePendingVirtualInterrupts(p);
}

// src/arch/apic-write-emulation.ts
var selfIpiMask = (icrReservedLow | 825088) >>> 0;
function isEligibleForSelfIpiVirtualization(low) {
  return (low & selfIpiMask) === 262144 && (low & 240) !== 0;
}
function emulateApicWrite(p, offset) {
  const { vmcs: vmcs2, page: page2 } = p;
  switch (offset) {
    case 128:
      mark("9.4 080");
      page2.tpr &= 255;
      return tprVirtualization(p);
    case 176:
      if (!hasSecondary(vmcs2, Secondary.virtualInterruptDelivery)) break;
      mark("9.4 0B0");
      page2.eoi = 0;
      return eoiVirtualization(p);
    case 768: {
      mark("9.4 300");
      const low = page2.icrLow;
      if (isEligibleForSelfIpiVirtualization(low) && hasSecondary(vmcs2, Secondary.virtualInterruptDelivery)) {
        mark("8.1.1");
        selfIpiVirtualization(p, low & 255);
        return completed;
      }
      if (isEligibleForIpiVirtualization(low) && hasTertiary(vmcs2, Tertiary.ipiVirtualization)) {
        mark("8.1.2");
        return "ipi-virtualization";
      }
      mark("8.1.3");
      return icrWriteExit;
    }
    case 784:
    case 785:
    case 786:
    case 787:
      mark("9.4 310");
      page2.icrHigh = (page2.icrHigh & 4278190080) >>> 0;
      return completed;
  }
  mark("9.4 other");
  return apicWriteExit(offset);
}

// src/arch/apic-registers.ts
function resetRegisters() {
  return {
    id: 0,
    version: 0,
    tpr: 0,
    ppr: 0,
    eoi: 0,
    ldr: 0,
    dfr: 4294967295,
    svr: 255,
    isr: emptyBits256(),
    tmr: emptyBits256(),
    irr: emptyBits256(),
    esr: 0,
    lvtCmci: 65536,
    icrLow: 0,
    icr64High: 0,
    icrHigh: 0,
    lvtTimer: 65536,
    lvtThermal: 65536,
    lvtPerformance: 65536,
    lvtLint0: 65536,
    lvtLint1: 65536,
    lvtError: 65536,
    initialCount: 0,
    currentCount: 0,
    divideConfiguration: 0,
    other: []
  };
}

// src/arch/virtual-apic-page.ts
var names2 = (() => {
  const table2 = new Array(1024).fill(void 0);
  const at = {
    32: "id",
    48: "version",
    128: "tpr",
    160: "ppr",
    176: "eoi",
    208: "ldr",
    224: "dfr",
    240: "svr",
    640: "esr",
    752: "lvtCmci",
    768: "icrLow",
    772: "icr64High",
    784: "icrHigh",
    800: "lvtTimer",
    816: "lvtThermal",
    832: "lvtPerformance",
    848: "lvtLint0",
    864: "lvtLint1",
    880: "lvtError",
    896: "initialCount",
    912: "currentCount",
    992: "divideConfiguration"
  };
  for (const [offset, name] of Object.entries(at)) table2[Number(offset) >> 2] = name;
  return table2;
})();
function setAt(page2, offset) {
  if (offset < 256 || offset > 624 || (offset & 12) !== 0) return void 0;
  mark("3 layout");
  return offset < 384 ? page2.isr : offset < 512 ? page2.tmr : page2.irr;
}
function loadWord(page2, offset) {
  const name = names2[offset >> 2];
  if (name !== void 0) return page2[name];
  const set = setAt(page2, offset);
  if (set !== void 0) return set[offset >> 4 & 7];
  const other = page2.other;
  for (let i = 0; i < other.length; i += 2) {
    if (other[i] === offset) return other[i + 1];
  }
  return 0;
}
function storeWord(page2, offset, value) {
  const name = names2[offset >> 2];
  if (name !== void 0) {
    page2[name] = value;
    return;
  }
  const set = setAt(page2, offset);
  if (set !== void 0) {
    set[offset >> 4 & 7] = value;
    return;
  }
  const other = page2.other;
  let i = 0;
  while (i < other.length && other[i] < offset) i += 2;
  if (other[i] === offset) {
    if (value === 0) other.splice(i, 2);
    else other[i + 1] = value;
  } else if (value !== 0) {
    other.splice(i, 0, offset, value);
  }
}
function mask(size) {
  return size >= 4 ? 4294967295 : (1 << 8 * size) - 1;
}
function loadBytes(page2, offset, size) {
  const word = offset & ~3;
  const shift = 8 * (offset & 3);
  let value = loadWord(page2, word) >>> shift;
  if (shift + 8 * size > 32 && word < 4092) value |= loadWord(page2, word + 4) << 32 - shift;
  return (value & mask(size)) >>> 0;
}
function storeBytes(page2, offset, size, value) {
  const word = offset & ~3;
  const shift = 8 * (offset & 3);
  if (shift === 0 && size === 4) {
    storeWord(page2, word, value);
    return;
  }
  const bits = mask(size);
  storeWord(page2, word, (loadWord(page2, word) & ~(bits << shift) | (value & bits) << shift) >>> 0);
  if (shift + 8 * size > 32 && word < 4092) {
    const rest = 32 - shift;
    storeWord(page2, word + 4, (loadWord(page2, word + 4) & ~(bits >>> rest) | (value & bits) >>> rest) >>> 0);
  }
}

// src/arch/apic-access.ts
var ApicAccessType = {
  read: 0,
  write: 1,
  fetch: 2,
  eventDelivery: 3,
  guestPhysicalEventDelivery: 10,
  guestPhysical: 15
};
function apicAccessExit(offset, type) {
  return { kind: "exit", reason: ExitReason.ApicAccess, qualification: type << 12 | offset, trapLike: false };
}
function beginOperation(eventDelivery = 0) {
  return { writeOffset: -1, writeSize: 0, eventDelivery };
}
var readable0 = 4294961420;
var readable1 = 1107231231;
var writable0 = 59652;
var writable1 = 1107230976;
function hasSlot(word0, word1, offset) {
  const slot = offset >> 4;
  return slot < 64 && ((slot < 32 ? word0 : word1) >>> (slot & 31) & 1) === 1;
}
function fitsSlot(offset, size) {
  if (size > 4) {
    mark("9.1 size");
    return false;
  }
  if (((offset | offset + size - 1) & 12) !== 0) {
    mark("9.1 slot");
    return false;
  }
  return true;
}
function usesTprShadow(p) {
  if (hasPrimary(p.vmcs, Primary.useTprShadow)) return true;
  mark("9.1 TPR shadow");
  return false;
}
function readIsVirtualized(p, operation, offset, size) {
  if (!usesTprShadow(p) || !fitsSlot(offset, size)) return false;
  if (operation.writeOffset >= 0) {
    mark("9.1 read after write");
    return false;
  }
  if (offset === 128) {
    mark("9.2 TPR shadow");
    return true;
  }
  if ((offset === 176 || offset === 768) && hasSecondary(p.vmcs, Secondary.virtualInterruptDelivery)) {
    mark("9.2 virtual-interrupt delivery");
    return true;
  }
  if (hasSlot(readable0, readable1, offset) && hasSecondary(p.vmcs, Secondary.apicRegisterVirtualization)) {
    mark("9.2 register virtualization");
    return true;
  }
  mark("9.2 otherwise");
  return false;
}
function writeIsVirtualized(p, operation, offset, size) {
  if (!usesTprShadow(p) || !fitsSlot(offset, size)) return false;
  if (operation.writeOffset >= 0 && (operation.writeOffset !== offset || operation.writeSize !== size)) {
    mark("9.1 second write");
    return false;
  }
  if (offset === 128) {
    mark("9.3 TPR shadow");
    return true;
  }
  if ((offset === 176 || offset === 768) && hasSecondary(p.vmcs, Secondary.virtualInterruptDelivery)) {
    mark("9.3 virtual-interrupt delivery");
    return true;
  }
  if (offset === 768 && hasTertiary(p.vmcs, Tertiary.ipiVirtualization)) {
    mark("9.3 IPI virtualization");
    return true;
  }
  if (hasSlot(writable0, writable1, offset) && hasSecondary(p.vmcs, Secondary.apicRegisterVirtualization)) {
    mark("9.3 register virtualization");
    return true;
  }
  mark("9.3 otherwise");
  return false;
}
function accessType(operation, type) {
  return operation.eventDelivery !== 0 ? ApicAccessType.eventDelivery : type;
}
function operationRead(p, operation, offset, size) {
  if (!hasSecondary(p.vmcs, Secondary.virtualizeApicAccesses)) {
    mark("9 ordinary memory");
    return passthrough;
  }
  if (!readIsVirtualized(p, operation, offset, size)) {
    return apicAccessExit(offset, accessType(operation, ApicAccessType.read));
  }
  return { kind: "data", low: loadBytes(p.page, offset, size), high: 0 };
}
function operationWrite(p, operation, offset, size, value) {
  if (!hasSecondary(p.vmcs, Secondary.virtualizeApicAccesses)) {
    mark("9 ordinary memory");
    return passthrough;
  }
  if (!writeIsVirtualized(p, operation, offset, size)) {
    return apicAccessExit(offset, accessType(operation, ApicAccessType.write));
  }
  storeBytes(p.page, offset, size, value);
  operation.writeOffset = offset;
  operation.writeSize = size;
  return completed;
}
var single = beginOperation();
function virtualizeApicRead(p, offset, size, eventDelivery = 0) {
  single.writeOffset = -1;
  single.eventDelivery = eventDelivery;
  return operationRead(p, single, offset, size);
}
function beginApicWrite(p, offset, size, value, eventDelivery = 0) {
  single.writeOffset = -1;
  single.eventDelivery = eventDelivery;
  const outcome = operationWrite(p, single, offset, size, value);
  return outcome === completed ? emulateApicWrite(p, offset) : outcome;
}

// src/hardware/ipi-virtualization.ts
var { microcode: microcode6, stage: stage7 } = hardware;
var steps2 = ipiVirtualizationSteps;
var setPir2 = stepNamed(steps2, "set-pir");
var setOn = stepNamed(steps2, "set-on");
function descriptorLine(machine, pid) {
  return pid < 0 ? -1 : machine.vcpus[pid]?.descriptorLine ?? -1;
}
var ipiVirtualization = microcode6(
  "ipi-virtualization",
  () => ({ vector: 0, destination: 0, pid: -1, nv: 0, ndst: 0 }),
  [
    // What the table holds is changed at set-up only, but it may end in a VM exit.
    stepStage(stepNamed(steps2, "read-pid-pointer"), "pidPointerRead", shared),
    stage7(
      "set-pir",
      "pidPirSet",
      shared,
      (m, cpu, f) => {
        const descriptor = m.memory.descriptors[f.pid];
        const pending = descriptor !== void 0 && testBit(descriptor.pir, f.vector);
        observe(m, pending ? Record.coalesced : Record.posted, f.pid, f.vector);
        setPir2.run(m.vcpus[cpu.vcpu], m.memory, f);
      },
      { line: (m, _cpu, f) => descriptorLine(m, f.pid) }
    ),
    stage7(
      "set-on",
      "pidOnSet",
      shared,
      (m, cpu, f) => {
        const outcome = setOn.run(currentVcpu(m, cpu), m.memory, f);
        if (outcome === void 0) notify(m, m.vcpus[f.pid]?.channel ?? -1);
        return carryOut(m, cpu, outcome);
      },
      { line: (m, _cpu, f) => descriptorLine(m, f.pid) }
    ),
    stepStage(stepNamed(steps2, "notify"), "notificationSend", shared)
  ]
);

// src/hardware/virtualized-write.ts
function isVirtualized(machine, processor2) {
  const vcpu = currentVcpu(machine, processor2);
  if (!hasSecondary(vcpu.vmcs, Secondary.virtualInterruptDelivery)) return false;
  return processor2.nonRoot === 1 || vcpu.exit.reason === ExitReason.EoiInduced;
}
function endOfInterrupt(machine, processor2, write2) {
  const vcpu = currentVcpu(machine, processor2);
  const vector2 = svi(vcpu.vmcs);
  const outcome = write2();
  if (isVirtualized(machine, processor2)) observe(machine, Record.endOfInterrupt, vcpu.id, vector2);
  return outcome;
}
function selfIpi(machine, processor2, vector2, write2) {
  const vcpu = currentVcpu(machine, processor2);
  const pending = testBit(vcpu.page.irr, vector2);
  const outcome = write2();
  if (isVirtualized(machine, processor2)) observe(machine, pending ? Record.coalesced : Record.posted, vcpu.pid, vector2);
  return outcome;
}

// src/hardware/apic-page-access.ts
var { instruction, stage: stage8 } = hardware;
var violationBy = { read: 385, write: 386 };
function eptExit(machine, vcpu, kind) {
  const mapping = machine.apicPageMapping[vcpu.vm];
  if (mapping === ApicPageMapping.accessPage) return void 0;
  if (mapping === ApicPageMapping.misconfigured) {
    return { kind: "exit", reason: ExitReason.EptMisconfig, qualification: 0, trapLike: false };
  }
  const qualification = kind === 1 ? violationBy.read : violationBy.write;
  return { kind: "exit", reason: ExitReason.EptViolation, qualification, trapLike: false };
}
function access(machine, processor2, outcome, offset, value, kind) {
  const vcpu = currentVcpu(machine, processor2);
  if (outcome.kind === "completed" || outcome.kind === "data") return carryOut(machine, processor2, outcome);
  if (outcome.kind === "passthrough") return 0;
  vcpu.exit.access = kind;
  vcpu.exit.offset = offset;
  vcpu.exit.low = value;
  return carryOut(machine, processor2, outcome);
}
var apicPageRead = instruction(
  "apic-page-read",
  () => ({ offset: 0 }),
  [],
  [
    // Another processor may unmap the page at any time.
    stage8("access", "apicPageAccess", shared, (m, cpu, f) => {
      const vcpu = currentVcpu(m, cpu);
      const outcome = eptExit(m, vcpu, 1) ?? virtualizeApicRead(vcpu, f.offset, 4);
      return access(m, cpu, outcome, f.offset, 0, 1);
    })
  ]
);
var selfShorthand = 262144;
function write(machine, processor2, offset, value) {
  const vcpu = currentVcpu(machine, processor2);
  const outcome = eptExit(machine, vcpu, 2) ?? beginApicWrite(vcpu, offset, 4, value);
  processor2.attention = 1;
  if (outcome !== "ipi-virtualization") return access(machine, processor2, outcome, offset, value, 2);
  const ipi2 = call(machine, processor2, ipiVirtualization);
  ipi2.vector = vcpu.page.icrLow & 255;
  ipi2.destination = vcpu.page.icrHigh >>> 24;
  return void 0;
}
var apicPageWrite = instruction(
  "apic-page-write",
  () => ({ offset: 0, value: 0 }),
  [],
  [
    stage8(
      "translate",
      "apicPageAccess",
      local,
      (_m, _cpu, f) => f.offset === 176 ? "eoi-virtualization" : void 0,
      {
        to: ["eoi-virtualization"]
      }
    ),
    stage8(
      "store",
      "vicrWrite",
      shared,
      (m, cpu, f) => f.offset === 768 && (f.value & 786432) === selfShorthand ? selfIpi(m, cpu, f.value & 255, () => write(m, cpu, f.offset, f.value)) : write(m, cpu, f.offset, f.value)
    ),
    // Reached only when the microcode that the stage before called has returned.
    stage8("retire", "instructionRetire", local, () => 0),
    stage8(
      "eoi-virtualization",
      "eoiVirtualization",
      shared,
      (m, cpu, f) => endOfInterrupt(m, cpu, () => write(m, cpu, f.offset, f.value))
    )
  ]
);

// src/guest/logical-mode.ts
var { program: program2, glue: glue2 } = guest;
var AddressMode = { physical: 0, flat: 1, cluster: 2 };
function xapicLogicalId(mode, number4) {
  if (mode === AddressMode.flat) return { ldr: 1 << 24 + number4 >>> 0, dfr: 4294967295 };
  return { ldr: (number4 >> 2 << 4 | 1 << (number4 & 3)) << 24 >>> 0, dfr: 268435455 };
}
var initApicLdr = program2("init_apic_ldr", () => ({ number: 0, mode: 0 }), [
  glue2("write-dfr", (m, cpu, f) => {
    const write2 = call(m, cpu, apicPageWrite);
    write2.offset = 224;
    write2.value = xapicLogicalId(f.mode, f.number).dfr;
  }),
  glue2("write-ldr", (m, cpu, f) => {
    const write2 = call(m, cpu, apicPageWrite);
    write2.offset = 208;
    write2.value = xapicLogicalId(f.mode, f.number).ldr;
  })
]);
function addressOfCpu(machine, processor2, number4) {
  const { addressMode, x2apic } = guestMemory(machine, processor2);
  if (addressMode === AddressMode.physical) return { mode: 0, destination: number4 };
  const destination = x2apic === 1 ? x2apicLdr(number4) : xapicLogicalId(addressMode, number4).ldr >>> 24;
  return { mode: 2048, destination };
}

// src/arch/cr8.ts
function cr8Qualification(from, register2) {
  return 8 | from << 4 | register2 << 8;
}
function movFromCr8(p, register2 = 0) {
  if (hasPrimary(p.vmcs, Primary.cr8StoreExiting)) {
    mark("4 CR8-store exiting");
    const qualification = cr8Qualification(1, register2);
    return { kind: "exit", reason: ExitReason.CrAccess, qualification, trapLike: false };
  }
  if (!hasPrimary(p.vmcs, Primary.useTprShadow)) {
    mark("4 CR8 physical");
    return passthrough;
  }
  mark("4 MOV from CR8");
  return { kind: "data", low: p.page.tpr >>> 4 & 15, high: 0 };
}
function movToCr8(p, low, high, register2 = 0) {
  if (hasPrimary(p.vmcs, Primary.cr8LoadExiting)) {
    mark("4 CR8-load exiting");
    const qualification = cr8Qualification(0, register2);
    return { kind: "exit", reason: ExitReason.CrAccess, qualification, trapLike: false };
  }
  if (high !== 0 || low > 15) {
    mark("4 CR8 fault");
    return generalProtection;
  }
  if (!hasPrimary(p.vmcs, Primary.useTprShadow)) {
    mark("4 CR8 physical");
    return passthrough;
  }
  mark("4 MOV to CR8");
  p.page.tpr = low << 4;
  return tprVirtualization(p);
}

// src/arch/hlt-and-mwait.ts
var hltExit = { kind: "exit", reason: ExitReason.Hlt, qualification: 0, trapLike: false };
function hlt(p) {
  if (hasPrimary(p.vmcs, Primary.hltExiting)) return hltExit;
  p.activity = 1;
  return completed;
}

// src/hardware/instructions.ts
var { instruction: instruction2, program: program3, stage: stage9, until } = hardware;
function exit2(machine, processor2, reason) {
  vmExit(machine, processor2, { kind: "exit", reason, qualification: 0, trapLike: false });
}
var hlt2 = instruction2(
  "hlt",
  () => ({}),
  [],
  [
    stage9("execute", "instructionRetire", shared, (m, cpu) => {
      const vcpu = currentVcpu(m, cpu);
      const outcome = hlt(vcpu);
      if (outcome.kind === "exit") return carryOut(m, cpu, outcome);
      cpu.shadow = 0;
      cpu.attention = 1;
      return void 0;
    }),
    until("halted", "haltedWake", (m, cpu) => currentVcpu(m, cpu).activity === 0, {
      channel: () => -1,
      interruptible: true
    })
  ]
);
var cpuid = instruction2(
  "cpuid",
  () => ({}),
  [],
  [
    stage9("execute", "instructionRetire", shared, (m, cpu) => {
      exit2(m, cpu, ExitReason.Cpuid);
    })
  ]
);
var vmcall = instruction2(
  "vmcall",
  () => ({ number: 0 }),
  [],
  [
    stage9("execute", "instructionRetire", shared, (m, cpu, f) => {
      currentVcpu(m, cpu).exit.msr = f.number;
      exit2(m, cpu, ExitReason.Vmcall);
    })
  ]
);
var movToCr8Instruction = instruction2(
  "mov-to-cr8",
  () => ({ value: 0 }),
  [],
  [
    stage9("execute", "cr8Access", shared, (m, cpu, f) => {
      const vcpu = currentVcpu(m, cpu);
      vcpu.exit.low = f.value;
      cpu.attention = 1;
      return carryOut(m, cpu, movToCr8(vcpu, f.value, 0));
    })
  ]
);
var movFromCr8Instruction = instruction2(
  "mov-from-cr8",
  () => ({}),
  [],
  [stage9("execute", "cr8Access", shared, (m, cpu) => carryOut(m, cpu, movFromCr8(currentVcpu(m, cpu))))]
);
var rdtsc = program3("rdtsc", () => ({}), [
  stage9("read", "rdtsc", shared, (m) => {
    readClock(m);
  }),
  stage9("retire", "instructionRetire", shared, (_m, _cpu, _f, time) => time)
]);
function sti(machine, processor2) {
  const vcpu = currentVcpu(machine, processor2);
  if (vcpu.interruptFlag === 0) processor2.shadow = 2;
  vcpu.interruptFlag = 1;
  processor2.attention = 1;
}
function cli(machine, processor2) {
  currentVcpu(machine, processor2).interruptFlag = 0;
}

// src/arch/msr-access.ts
var selfIpiWriteExit = apicWriteExit(1008);
function virtualizeRdmsr(p, msr) {
  if (msr < 2048 || msr > 2303 || !hasSecondary(p.vmcs, Secondary.virtualizeX2apicMode)) return passthrough;
  if (hasSecondary(p.vmcs, Secondary.apicRegisterVirtualization)) mark("10 RDMSR register virtualization");
  else if (msr === 2056) mark("10 RDMSR 808");
  else {
    mark("10 RDMSR other");
    return passthrough;
  }
  const offset = (msr & 255) << 4;
  return { kind: "data", low: loadWord(p.page, offset), high: loadWord(p.page, offset + 4) };
}
function beginWrmsr(p, msr, low, high) {
  const { vmcs: vmcs2, page: page2 } = p;
  if (msr < 2048 || msr > 2303 || !hasSecondary(vmcs2, Secondary.virtualizeX2apicMode)) return passthrough;
  switch (msr) {
    case 2096:
      if (!hasTertiary(vmcs2, Tertiary.ipiVirtualization)) {
        mark("8.2 without IPI virtualization");
        return passthrough;
      }
      if ((low & icrReservedLow) !== 0) {
        mark("8.2 fault");
        return generalProtection;
      }
      mark("8.2 store");
      page2.icrLow = low;
      page2.icr64High = high;
      if (isEligibleForIpiVirtualization(low)) {
        mark("8.2 eligible");
        return "ipi-virtualization";
      }
      if ((low & 4096) !== 0) mark("8.2 bit 12");
      if ((low & 786432) === 262144) mark("8.2 self shorthand");
      mark("8.2 exit");
      return icrWriteExit;
    case 2056:
      if (high !== 0 || low > 255) {
        mark("10 WRMSR 808 fault");
        return generalProtection;
      }
      mark("10 WRMSR 808");
      page2.tpr = low;
      if (page2.other.length > 0) storeWord(page2, 132, 0);
      return tprVirtualization(p);
    case 2059:
      if (!hasSecondary(vmcs2, Secondary.virtualInterruptDelivery)) break;
      if (high !== 0 || low !== 0) {
        mark("10 WRMSR 80B fault");
        return generalProtection;
      }
      mark("10 WRMSR 80B");
      page2.eoi = 0;
      if (page2.other.length > 0) storeWord(page2, 180, 0);
      return eoiVirtualization(p);
    case 2111:
      if (!hasSecondary(vmcs2, Secondary.virtualInterruptDelivery)) break;
      if (high !== 0 || low > 255) {
        mark("10 WRMSR 83F fault");
        return generalProtection;
      }
      mark("10 WRMSR 83F");
      storeWord(page2, 1008, low);
      storeWord(page2, 1012, 0);
      if (low < 16) {
        mark("10 WRMSR 83F exit");
        return selfIpiWriteExit;
      }
      selfIpiVirtualization(p, low);
      return completed;
  }
  mark("10 WRMSR other");
  return passthrough;
}

// src/arch/msr-bitmap.ts
function emptyMsrBitmap() {
  return { read: emptyBits256(), write: emptyBits256() };
}
function fullMsrBitmap() {
  const bitmap = emptyMsrBitmap();
  bitmap.read.fill(4294967295);
  bitmap.write.fill(4294967295);
  return bitmap;
}
function interceptsRead(vmcs2, bitmap, msr) {
  return !hasPrimary(vmcs2, Primary.useMsrBitmaps) || testBit(bitmap.read, msr & 255);
}
function interceptsWrite(vmcs2, bitmap, msr) {
  return !hasPrimary(vmcs2, Primary.useMsrBitmaps) || testBit(bitmap.write, msr & 255);
}

// src/hardware/wrmsr.ts
var { instruction: instruction3, stage: stage10 } = hardware;
function virtualize(machine, processor2, f) {
  const vcpu = currentVcpu(machine, processor2);
  const outcome = beginWrmsr(vcpu, f.msr, f.low, f.high);
  processor2.attention = 1;
  if (outcome !== "ipi-virtualization") return carryOut(machine, processor2, outcome);
  const ipi2 = call(machine, processor2, ipiVirtualization);
  ipi2.vector = vcpu.page.icrLow & 255;
  ipi2.destination = vcpu.page.icr64High;
  return void 0;
}
var wrmsr = instruction3(
  "wrmsr",
  () => ({ msr: 0, low: 0, high: 0 }),
  [],
  [
    stage10(
      "msr-bitmap",
      "msrBitmapCheck",
      local,
      (m, cpu, f) => {
        const vcpu = currentVcpu(m, cpu);
        if (f.msr < 2048 || f.msr > 2303 || interceptsWrite(vcpu.vmcs, vcpu.msrBitmap, f.msr)) {
          vcpu.exit.msr = f.msr;
          vcpu.exit.low = f.low;
          vcpu.exit.high = f.high;
          vmExit(m, cpu, { kind: "exit", reason: ExitReason.MsrWrite, qualification: 0, trapLike: false });
          return void 0;
        }
        if (f.msr === 2059) return "eoi-virtualization";
        return f.msr === 2096 ? void 0 : "virtualize";
      },
      { to: ["eoi-virtualization", "virtualize"] }
    ),
    stage10("store-vicr", "vicrWrite", local, (m, cpu, f) => virtualize(m, cpu, f)),
    // Reached only when the microcode that the stage before called has returned.
    stage10("retire", "instructionRetire", local, () => 0),
    stage10(
      "eoi-virtualization",
      "eoiVirtualization",
      shared,
      (m, cpu, f) => endOfInterrupt(m, cpu, () => virtualize(m, cpu, f))
    ),
    stage10(
      "virtualize",
      "msrVirtualization",
      shared,
      (m, cpu, f) => f.msr === 2111 && f.high === 0 && f.low <= 255 ? selfIpi(m, cpu, f.low & 255, () => virtualize(m, cpu, f)) : virtualize(m, cpu, f)
    )
  ]
);
var rdmsr = instruction3(
  "rdmsr",
  () => ({ msr: 0 }),
  [],
  [
    stage10("msr-bitmap", "msrBitmapCheck", local, (m, cpu, f) => {
      const vcpu = currentVcpu(m, cpu);
      if (f.msr >= 2048 && f.msr <= 2303 && !interceptsRead(vcpu.vmcs, vcpu.msrBitmap, f.msr)) return;
      vcpu.exit.msr = f.msr;
      vmExit(m, cpu, { kind: "exit", reason: ExitReason.MsrRead, qualification: 0, trapLike: false });
    }),
    stage10(
      "virtualize",
      "msrVirtualization",
      shared,
      (m, cpu, f) => carryOut(m, cpu, virtualizeRdmsr(currentVcpu(m, cpu), f.msr))
    )
  ]
);

// src/guest/apic-driver.ts
var { program: program4, stage: stage11, glue: glue3 } = guest;
var ICR_LOW = 768;
var ICR_HIGH = 784;
var EOI = 176;
var BUSY = 4096;
var xapicIcrWrite = program4("xapic_icr_write", () => ({ value: 0, destination: 0 }), [
  glue3("read-icr", (m, cpu) => {
    call(m, cpu, apicPageRead).offset = ICR_LOW;
  }),
  glue3("test-busy", (_m, _cpu, _f, icr) => (icr & BUSY) === 0 ? void 0 : "read-icr", { to: ["read-icr"] }),
  glue3("write-icr2", (m, cpu, f) => {
    const store2 = call(m, cpu, apicPageWrite);
    store2.offset = ICR_HIGH;
    store2.value = f.destination << 24 >>> 0;
  }),
  glue3("write-icr", (m, cpu, f) => {
    const store2 = call(m, cpu, apicPageWrite);
    store2.offset = ICR_LOW;
    store2.value = f.value;
    observe(m, Record.ipiSent, cpu.vcpu, f.value & 255);
  })
]);
var x2apicIcrWrite = program4("x2apic_icr_write", () => ({ value: 0, destination: 0 }), [
  stage11("mfence", "mfence", shared, () => {
  }),
  glue3("wrmsr-icr", (m, cpu, f) => {
    const write2 = call(m, cpu, wrmsr);
    write2.msr = 2096;
    write2.low = f.value;
    write2.high = f.destination;
    observe(m, Record.ipiSent, cpu.vcpu, f.value & 255);
  })
]);
function apicIcrWrite(machine, processor2, value, destination) {
  const write2 = call(machine, processor2, guestMemory(machine, processor2).x2apic === 1 ? x2apicIcrWrite : xapicIcrWrite);
  write2.value = value;
  write2.destination = destination;
}
function apicEoi(machine, processor2) {
  if (guestMemory(machine, processor2).x2apic === 1) {
    call(machine, processor2, wrmsr).msr = 2059;
  } else {
    call(machine, processor2, apicPageWrite).offset = EOI;
  }
}
function apicSelfIpi(machine, processor2, vector2) {
  if (guestMemory(machine, processor2).x2apic === 1) {
    const write2 = call(machine, processor2, wrmsr);
    write2.msr = 2111;
    write2.low = vector2;
    observe(machine, Record.ipiSent, processor2.vcpu, vector2);
  } else {
    apicIcrWrite(machine, processor2, 278528 | vector2, 0);
  }
}

// src/guest/smp.ts
var { program: program5, stage: stage12, glue: glue4, until: until2 } = guest;
var ipiVector = 32;
var ipiIcr = 16384 | ipiVector;
var onCpu = program5("on_cpu", () => ({ target: 0 }), [
  stage12(
    "spin_lock",
    "guestAtomic",
    shared,
    (m, cpu) => {
      guestMemory(m, cpu).ipiLock = 1;
    },
    { line: guestLine }
  ),
  stage12(
    "atomic_inc-active_cpus",
    "guestAtomic",
    shared,
    (m, cpu) => {
      guestMemory(m, cpu).activeCpus++;
    },
    { line: guestLine }
  ),
  stage12(
    "store-function",
    "guestStores",
    shared,
    (m, cpu) => {
      const memory = guestMemory(m, cpu);
      memory.ipiDone = 0;
      memory.ipiFunction = 1;
      memory.ipiData = 0;
      memory.ipiWait = 1;
    },
    { line: guestLine }
  ),
  glue4("apic_icr_write", (m, cpu, f) => {
    const { mode, destination } = addressOfCpu(m, cpu, f.target);
    apicIcrWrite(m, cpu, ipiIcr | mode, destination);
  }),
  until2("spin-on-ipi_done", "guestSpinExit", (m, cpu) => guestMemory(m, cpu).ipiDone === 1, {
    channel: (m, cpu) => guestMemory(m, cpu).doneChannel,
    line: guestLine
  }),
  stage12(
    "spin_unlock",
    "guestStores",
    shared,
    (m, cpu) => {
      guestMemory(m, cpu).ipiLock = 0;
    },
    { line: guestLine }
  )
]);
var ipiEntry = program5("ipi_entry", () => ({}), [
  stage12("save-registers", "guestHandlerEntry", local, () => {
  }),
  stage12("load-function", "guestLoads", shared, () => {
  }, { line: guestLine }),
  stage12("function", "guestCall", local, () => {
  }),
  stage12(
    "atomic_dec-active_cpus",
    "guestAtomic",
    shared,
    (m, cpu) => {
      guestMemory(m, cpu).activeCpus--;
    },
    { line: guestLine }
  ),
  stage12(
    "store-ipi_done",
    "guestStores",
    shared,
    (m, cpu) => {
      const memory = guestMemory(m, cpu);
      memory.ipiDone = 1;
      notify(m, memory.doneChannel);
    },
    { line: guestLine }
  ),
  glue4("eoi", (m, cpu) => {
    apicEoi(m, cpu);
  }),
  stage12("iretq", "iret", shared, (m, cpu) => {
    iret(m, cpu);
  })
]);
var busyLoop = program5("busy_loop", () => ({}), [
  until2("pause", "guestLoop", () => false, { channel: () => -1 })
]);
var haltLoop = program5("halt_loop", () => ({}), [
  glue4("hlt", (m, cpu) => {
    call(m, cpu, hlt2);
  }),
  stage12("jmp", "guestLoop", local, () => "hlt", { to: ["hlt"] })
]);

// src/hardware/create-processor.ts
function createLogicalProcessor(id2, thread2) {
  return {
    ...createProcessor(id2, thread2),
    apic: createPhysicalApic(id2),
    nonRoot: 0,
    vcpu: -1,
    hostThread: thread2,
    halted: 0,
    nmi: 0,
    expiredTimers: []
  };
}

// src/host/machine.ts
var SystemVector = { localTimer: 236, callFunction: 252, reschedule: 253 };
var TaskState = { running: 0, interruptible: 1 };
var host = notation();
function runQueueOf(machine, processor2) {
  return machine.runQueues[processor2];
}
function currentTask(machine, processor2) {
  return machine.tasks[runQueueOf(machine, processor2).current];
}

// src/host/records.ts
var HostRecord = {
  /** A task leaves its processor: 1 if it stays runnable, 0 if it sleeps. Tracepoint `sched_switch`, its first half. */
  schedOut: recordKind("sched-out", "task", "runnable"),
  /** A task comes onto a processor; the processor it ran on before. Tracepoint `sched_switch`, its second half. */
  schedIn: recordKind("sched-in", "task", "before"),
  /** A task that slept is ready on a processor's queue. Tracepoint `sched_wakeup`. */
  wakeup: recordKind("sched-wakeup", "task", "processor")
};

// src/host/schedule.ts
var { program: program6, stage: stage13, glue: glue5 } = host;
function line(machine, processor2) {
  return runQueueOf(machine, processor2.id).line;
}
function startSlice(machine, processor2) {
  const queue = runQueueOf(machine, processor2);
  if (queue.queue.length > 0) arm(machine, queue.sliceTimer, machine.scheduler.sliceCycles);
  else cancel(machine, queue.sliceTimer);
}
var finishTaskSwitch = program6("finish_task_switch", () => ({}), [
  stage13("clear-on_cpu", "finishTaskSwitch", shared, (m, cpu) => {
    startSlice(m, cpu.id);
  }),
  glue5("fire_sched_in_preempt_notifiers", (m, cpu) => {
    const { schedIn: schedIn2 } = currentTask(m, cpu.id);
    if (schedIn2 >= 0) interruptAt(m.threads[cpu.thread], schedIn2);
  }),
  stage13("local_irq_enable", "irqEnable", shared, (_m, cpu) => {
    cpu.masked = 0;
    cpu.attention = 1;
  })
]);
var schedule = program6("__schedule", () => ({ next: -1, preempt: 0 }), [
  stage13("local_irq_disable", "irqDisable", shared, (_m, cpu) => {
    cpu.masked = 1;
  }),
  stage13(
    "deactivate_task",
    "deactivateTask",
    shared,
    (m, cpu, f) => {
      const queue = runQueueOf(m, cpu.id);
      const task = currentTask(m, cpu.id);
      queue.needResched = 0;
      if (task.state !== TaskState.running && f.preempt === 0) task.onRunQueue = 0;
      else if (task.id !== queue.idle) queue.queue.push(task.id);
    },
    { line }
  ),
  stage13(
    "pick_next_task",
    "pickNextTask",
    shared,
    (m, cpu, f) => {
      const queue = runQueueOf(m, cpu.id);
      f.next = queue.queue.shift() ?? queue.idle;
      if (f.next !== queue.current) return void 0;
      startSlice(m, cpu.id);
      return "local_irq_enable";
    },
    { line, to: ["local_irq_enable"] }
  ),
  glue5("fire_sched_out_preempt_notifiers", (m, cpu) => {
    const { schedOut } = currentTask(m, cpu.id);
    if (schedOut >= 0) interruptAt(m.threads[cpu.thread], schedOut);
  }),
  stage13("context_switch", "contextSwitch", shared, (m, cpu, f) => {
    const queue = runQueueOf(m, cpu.id);
    const next = m.tasks[f.next];
    if (next.onCpu === 1) throw new InternalError("__schedule.context_switch", `task ${next.id} runs elsewhere`);
    const before2 = m.tasks[queue.current];
    observe(m, HostRecord.schedOut, before2.id, before2.onRunQueue);
    observe(m, HostRecord.schedIn, next.id, next.cpu);
    before2.onCpu = 0;
    next.onCpu = 1;
    next.cpu = cpu.id;
    queue.current = next.id;
    cpu.thread = next.thread;
    cpu.hostThread = next.thread;
  }),
  glue5(
    "finish_task_switch",
    (m, cpu) => {
      interruptAt(m.threads[cpu.thread], finishTaskSwitch.entry);
      return "end-of-switch";
    },
    { to: ["end-of-switch"] }
  ),
  stage13("local_irq_enable", "irqEnable", shared, (_m, cpu) => {
    cpu.masked = 0;
    cpu.attention = 1;
  }),
  glue5("end-of-switch", () => void 0)
]);

// src/host/idle.ts
var { program: program7, stage: stage14, glue: glue6, until: until3 } = host;
var doIdle = program7("do_idle", () => ({}), [
  stage14("local_irq_disable", "irqDisable", shared, (m, cpu) => {
    cpu.masked = 1;
    runQueueOf(m, cpu.id).polling = m.scheduler.mwaitIdle;
  }),
  stage14(
    "need_resched",
    "idleLoop",
    shared,
    (m, cpu) => runQueueOf(m, cpu.id).needResched === 1 ? "clear-polling" : void 0,
    { line: (m, cpu) => runQueueOf(m, cpu.id).line, to: ["clear-polling"] }
  ),
  stage14("safe_halt", "idleEnter", shared, (m, cpu) => {
    observe(m, Record.idle, IdleState.c1, 1);
    cpu.halted = 1;
    cpu.masked = 0;
    cpu.attention = 1;
  }),
  until3(
    "halted",
    "idleLoop",
    (m, cpu) => {
      const { needResched, polling: polling2 } = runQueueOf(m, cpu.id);
      return cpu.halted === 0 || needResched === 1 && polling2 === 1;
    },
    { channel: (m, cpu) => runQueueOf(m, cpu.id).channel }
  ),
  glue6("woken-by-interrupt", (_m, cpu) => cpu.halted === 0 ? "local_irq_disable" : void 0, {
    to: ["local_irq_disable"]
  }),
  stage14("leave-c-state", "idleExit", shared, (m, cpu) => {
    observe(m, Record.idle, IdleState.c1, 0);
    cpu.halted = 0;
  }),
  stage14("clear-polling", "idleLoop", shared, (m, cpu) => {
    runQueueOf(m, cpu.id).polling = 0;
    cpu.masked = 0;
    cpu.attention = 1;
  }),
  glue6("schedule_idle", (m, cpu) => {
    call(m, cpu, schedule);
  }),
  glue6("again", () => "local_irq_disable", { to: ["local_irq_disable"] })
]);

// src/host/interrupts.ts
var { program: program8, stage: stage15, glue: glue7 } = host;
var sysvecRescheduleIpi = program8("sysvec_reschedule_ipi", () => ({}), [
  stage15("eoi", "hostInterruptHandler", shared, (_m, cpu) => {
    physicalEoi(cpu);
  })
]);
var hrtimerInterrupt = program8("hrtimer_interrupt", () => ({}), [
  stage15("eoi", "hostInterruptHandler", shared, (_m, cpu) => {
    physicalEoi(cpu);
  }),
  stage15(
    "__run_hrtimer",
    "hrtimerRun",
    shared,
    (m, cpu) => {
      const timer2 = cpu.expiredTimers.shift();
      if (timer2 === void 0) return done;
      if (!expired(m, timer2)) return "__run_hrtimer";
      cancel(m, timer2);
      const { handler } = timerUse(m, timer2);
      if (handler < 0) return "__run_hrtimer";
      const thread2 = m.threads[cpu.thread];
      interruptAt(thread2, handler);
      topFrame(thread2).locals["timer"] = timer2;
      return void 0;
    },
    { to: ["__run_hrtimer"] }
  ),
  glue7("next", () => "__run_hrtimer", { to: ["__run_hrtimer"] })
]);
var hrtick = program8("hrtick", () => ({ timer: 0 }), [
  stage15("task_tick", "setNeedResched", shared, (m, cpu) => {
    const queue = runQueueOf(m, cpu.id);
    if (queue.queue.length > 0) queue.needResched = 1;
  })
]);

// src/host/create-host.ts
function createHost(processors2, scheduler) {
  const machine = {
    processors: [],
    threads: [],
    timers: [],
    storeBuffers: 0,
    requests: emptyRequests(),
    vcpus: [],
    memory: { descriptorBase: 4294967296, descriptors: [], pidPointerTables: [] },
    hostInterrupts: [],
    timerUses: [],
    apicPageMapping: [],
    tasks: [],
    runQueues: [],
    scheduler
  };
  setHandler(machine.hostInterrupts, SystemVector.reschedule, sysvecRescheduleIpi.entry);
  setHandler(machine.hostInterrupts, SystemVector.localTimer, hrtimerInterrupt.entry);
  const plan = { machine, channels: 0, lines: 0 };
  for (let id2 = 0; id2 < processors2; id2++) {
    const idle = newTask(machine, [id2], doIdle);
    idle.onCpu = 1;
    idle.onRunQueue = 1;
    machine.processors.push(createLogicalProcessor(id2, idle.thread));
    machine.runQueues.push({
      queue: [],
      current: idle.id,
      idle: idle.id,
      needResched: 0,
      polling: 0,
      channel: plan.channels++,
      line: plan.lines++,
      sliceTimer: addTimer(machine, {
        kind: TimerKind.localTimer,
        processor: id2,
        vector: SystemVector.localTimer,
        handler: hrtick.entry
      })
    });
  }
  return plan;
}
function newTask(machine, allowed, routine) {
  const thread2 = [];
  callOn(thread2, routine);
  const task = {
    id: machine.tasks.length,
    thread: machine.threads.push(thread2) - 1,
    state: TaskState.running,
    onRunQueue: 0,
    onCpu: 0,
    cpu: allowed[0] ?? 0,
    allowed,
    owner: -1,
    schedIn: -1,
    schedOut: -1
  };
  machine.tasks.push(task);
  return task;
}
function addTask(machine, routine, options = {}) {
  const { allowed = [], owner = -1, schedIn: schedIn2 = -1, schedOut = -1 } = options;
  const task = newTask(machine, [...allowed], routine);
  task.owner = owner;
  task.schedIn = schedIn2;
  task.schedOut = schedOut;
  callOn(machine.threads[task.thread], finishTaskSwitch);
  task.onRunQueue = 1;
  const candidates = task.allowed.length > 0 ? task.allowed : machine.processors.map(({ id: id2 }) => id2);
  const waiting = (processor2) => machine.runQueues[processor2]?.queue.length ?? 0;
  task.cpu = candidates.reduce((best, next) => waiting(next) < waiting(best) ? next : best);
  const queue = machine.runQueues[task.cpu];
  queue?.queue.push(task.id);
  if (queue !== void 0) queue.needResched = 1;
  return task.id;
}

// src/engine/store-buffer.ts
var locations = [];
function location(name, access2) {
  if (locations.some((other) => other.name === name)) {
    throw new InternalError(name, "a location of this name is already declared");
  }
  const declared = { name, number: locations.length, get: access2.get, set: access2.set };
  locations.push(declared);
  return declared;
}
function store(machine, processor2, where, index, value) {
  if (machine.storeBuffers === 0) where.set(machine, index, value);
  else processor2.storeBuffer.push(where.number, index, value);
}
function load(machine, processor2, where, index) {
  const { storeBuffer: storeBuffer2 } = processor2;
  for (let i = storeBuffer2.length - 3; i >= 0; i -= 3) {
    if (storeBuffer2[i] === where.number && storeBuffer2[i + 1] === index) return storeBuffer2[i + 2];
  }
  return where.get(machine, index);
}
function drain(machine, processor2) {
  const { storeBuffer: storeBuffer2 } = processor2;
  const [number4, index, value] = storeBuffer2;
  for (let i = 3; i < storeBuffer2.length; i++) storeBuffer2[i - 3] = storeBuffer2[i];
  for (let i = 0; i < 3; i++) storeBuffer2.pop();
  locations[number4].set(machine, index, value);
}
function fence(machine, processor2) {
  while (processor2.storeBuffer.length > 0) drain(machine, processor2);
}
function compareExchange(machine, processor2, where, index, expected, value) {
  fence(machine, processor2);
  const old = where.get(machine, index);
  if (old === expected) where.set(machine, index, value);
  return old;
}

// src/host/try-to-wake-up.ts
var { program: program9, stage: stage16, glue: glue8 } = host;
function isIdle(machine, processor2) {
  const queue = runQueueOf(machine, processor2);
  return queue.current === queue.idle && queue.queue.length === 0;
}
function selectTaskRunQueue(machine, task) {
  const { allowed, cpu } = task;
  const canUse = (processor2) => allowed.length === 0 || allowed.includes(processor2);
  if (canUse(cpu) && isIdle(machine, cpu)) return cpu;
  for (const { id: id2 } of machine.processors) if (canUse(id2) && isIdle(machine, id2)) return id2;
  return canUse(cpu) ? cpu : allowed[0];
}
var reschedCurr = program9("resched_curr", () => ({ processor: 0 }), [
  stage16(
    "set_tsk_need_resched",
    "setNeedResched",
    shared,
    (m, cpu, f) => {
      const queue = runQueueOf(m, f.processor);
      if (queue.needResched === 1) return done;
      queue.needResched = 1;
      notify(m, queue.channel);
      return f.processor === cpu.id || queue.polling === 1 ? done : void 0;
    },
    { line: (m, _cpu, f) => runQueueOf(m, f.processor).line }
  ),
  stage16("smp_send_reschedule", "physicalIcrWrite", shared, (m, _cpu, f) => {
    sendPhysicalIpi(m, f.processor, SystemVector.reschedule);
  })
]);
var tryToWakeUp = program9("try_to_wake_up", () => ({ task: 0, processor: 0 }), [
  stage16("ttwu_state_match", "ttwuStateMatch", shared, (m, _cpu, f) => {
    const task = m.tasks[f.task];
    if (task.state === TaskState.running) return 0;
    if (task.onRunQueue === 1) {
      task.state = TaskState.running;
      return 1;
    }
    return void 0;
  }),
  stage16("select_task_rq", "selectTaskRq", shared, (m, _cpu, f) => {
    const task = m.tasks[f.task];
    f.processor = task.onCpu === 1 ? task.cpu : selectTaskRunQueue(m, task);
  }),
  stage16(
    "activate_task",
    "activateTask",
    shared,
    (m, _cpu, f) => {
      const task = m.tasks[f.task];
      if (task.onRunQueue === 1 || task.state === TaskState.running) return 0;
      task.state = TaskState.running;
      task.onRunQueue = 1;
      if (task.onCpu === 0) {
        task.cpu = f.processor;
        observe(m, HostRecord.wakeup, task.id, f.processor);
      }
      const queue = runQueueOf(m, task.cpu);
      queue.queue.push(task.id);
      notify(m, queue.channel);
      return void 0;
    },
    { line: (m, _cpu, f) => runQueueOf(m, f.processor).line }
  ),
  stage16("wakeup_preempt", "wakeupPreempt", shared, (m, cpu, f) => {
    const queue = runQueueOf(m, f.processor);
    if (queue.current === queue.idle || m.scheduler.wakeupPreemption === 1) {
      call(m, cpu, reschedCurr).processor = f.processor;
    } else if (m.timers[queue.sliceTimer]?.armed === 0) {
      arm(m, queue.sliceTimer, m.scheduler.sliceCycles);
    }
  }),
  glue8("woken", () => 1)
]);

// src/kvm/machine.ts
var VcpuMode = { outsideGuestMode: 0, inGuestMode: 1, exitingGuestMode: 2 };
var Fastpath = { none: 0, reenterGuest: 1, exitHandled: 2 };
var MpState = { runnable: 0, uninitialized: 1, initReceived: 2, halted: 3 };
var VcpuRequest = {
  event: 1,
  unblock: 2,
  nmi: 4,
  smi: 8,
  apicvUpdate: 16,
  scanIoapic: 32,
  loadEoiExitmap: 64,
  migrateTimer: 4096
};
var PendingEvent = { init: 1, sipi: 2 };
var PostedTimer = { off: 0, perVcpu: 1, global: 2 };
var TimerAdvance = { off: 0, adaptive: 1, fixed: 2 };
var LogicalMode = { disabled: 0, flat: 1, cluster: 2, x2apic: 3, mapDisabled: 4 };
var Mitigation = { l1dFlush: 1, mds: 2, ibrs: 4 };
var kvm = notation();
var HostVector = { postedInterrupt: 242, postedInterruptWakeup: 241, postedInterruptNested: 240 };
var vcpuMode = location("vcpu.mode", {
  get: (machine, vcpu) => machine.vcpus[vcpu].mode,
  set: (machine, vcpu, mode) => {
    machine.vcpus[vcpu].mode = mode;
  }
});
function vcpuOf(machine, vcpu) {
  return machine.vcpus[vcpu];
}
function vmOf(machine, vcpu) {
  return machine.vms[vcpu.vm];
}
function descriptorOf(machine, vcpu) {
  return machine.memory.descriptors[vcpu.pid];
}
function makeRequest(vcpu, request) {
  vcpu.requests |= request;
}

// src/kvm/kick.ts
var { program: program10, stage: stage17, glue: glue9 } = kvm;
var line2 = (machine, _processor, f) => vcpuOf(machine, f.target).modeLine;
var kvmVcpuWakeUp = program10("kvm_vcpu_wake_up", () => ({ target: 0 }), [
  stage17(
    "rcuwait_wake_up",
    "rcuwaitWakeUp",
    shared,
    (m, cpu, f) => {
      const target = vcpuOf(m, f.target);
      fence(m, cpu);
      notify(m, target.channel);
      if (target.waiter === 0) return 0;
      call(m, cpu, tryToWakeUp).task = target.task;
      return void 0;
    },
    { line: line2 }
  ),
  glue9("woken", (_m, _cpu, _f, woken) => woken)
]);
var kvmVcpuKick = program10("kvm_vcpu_kick", () => ({ target: 0 }), [
  glue9("kvm_vcpu_wake_up", (m, cpu, f) => {
    call(m, cpu, kvmVcpuWakeUp).target = f.target;
  }),
  glue9("woken", (_m, _cpu, _f, woken) => woken === 1 ? done : void 0),
  stage17(
    "kvm_arch_vcpu_should_kick",
    "vcpuKick",
    shared,
    (m, cpu, f) => {
      const self = cpu.vcpu === f.target;
      if (self && load(m, cpu, vcpuMode, f.target) !== VcpuMode.inGuestMode) return done;
      const old = compareExchange(m, cpu, vcpuMode, f.target, VcpuMode.inGuestMode, VcpuMode.exitingGuestMode);
      return self || old !== VcpuMode.inGuestMode ? done : void 0;
    },
    { line: line2 }
  ),
  stage17("smp_send_reschedule", "physicalIcrWrite", shared, (m, cpu, f) => {
    const { cpu: processor2 } = vcpuOf(m, f.target);
    if (processor2 !== cpu.id) sendPhysicalIpi(m, processor2, SystemVector.reschedule);
  })
]);

// src/kvm/readable-registers.ts
var readableRegisters = [
  2,
  3,
  8,
  10,
  13,
  15,
  40,
  48,
  50,
  51,
  52,
  53,
  54,
  55,
  56,
  57,
  62,
  ...Array.from({ length: 24 }, (_, index) => 16 + index)
];

// src/kvm/set-up.ts
function u64(value) {
  return [value % 2 ** 32, Math.floor(value / 2 ** 32)];
}
var always = Primary.useMsrBitmaps | Primary.activateSecondaryControls;
var cr8Exiting = Primary.cr8LoadExiting | Primary.cr8StoreExiting;
function controlsOf(choice) {
  const { apicMode, apicv, ipiVirtualization: ipiVirtualization3, flexpriority, tprShadow, hltInGuest, mwaitInGuest } = choice;
  const tertiary = apicv && ipiVirtualization3;
  const mode = apicMode === ApicMode.x2apic && tprShadow ? Secondary.virtualizeX2apicMode : apicMode === ApicMode.xapic && flexpriority ? Secondary.virtualizeApicAccesses : 0;
  return {
    pinBasedControls: PinBased.externalInterruptExiting | PinBased.nmiExiting | PinBased.virtualNmis | (apicv ? PinBased.processPostedInterrupts : 0),
    primaryControls: (always | (tprShadow ? Primary.useTprShadow : cr8Exiting) | (hltInGuest ? 0 : Primary.hltExiting) | (mwaitInGuest ? 0 : Primary.mwaitExiting | Primary.monitorExiting) | (ipiVirtualization3 ? Primary.activateTertiaryControls : 0)) >>> 0,
    secondaryControls: mode | (apicv ? Secondary.apicRegisterVirtualization | Secondary.virtualInterruptDelivery : 0),
    tertiaryControls: [tertiary ? Tertiary.ipiVirtualization : 0, 0]
  };
}
function controlChoiceOf(machine, vcpu) {
  const vm = vmOf(machine, vcpu);
  return {
    apicMode: vcpu.apicMode,
    apicv: vcpu.apicvActive === 1,
    ipiVirtualization: vm.ipiVirtualization === 1,
    flexpriority: vm.flexpriority === 1,
    tprShadow: vm.tprShadow === 1,
    hltInGuest: vm.hltInGuest === 1,
    mwaitInGuest: vm.mwaitInGuest === 1
  };
}
function initialVmcs(vm, choice, descriptorAddress) {
  return {
    ...controlsOf(choice),
    exitControls: Exit.acknowledgeInterruptOnExit,
    tprThreshold: 0,
    guestInterruptStatus: 0,
    eoiExitBitmap0: [0, 0],
    eoiExitBitmap1: [0, 0],
    eoiExitBitmap2: [0, 0],
    eoiExitBitmap3: [0, 0],
    postedInterruptNotificationVector: HostVector.postedInterrupt,
    postedInterruptDescriptorAddress: u64(descriptorAddress),
    pidPointerTableAddress: choice.ipiVirtualization ? u64(vm.pidTableAddress) : [0, 0],
    lastPidPointerIndex: choice.ipiVirtualization ? vm.maxVcpuIds - 1 : 0
  };
}
function applyApicvControls(machine, vcpu) {
  const { vmcs: vmcs2 } = vcpu;
  const choice = controlChoiceOf(machine, vcpu);
  const controls = controlsOf(choice);
  const windows = Primary.interruptWindowExiting | Primary.nmiWindowExiting;
  vmcs2.pinBasedControls = controls.pinBasedControls | vmcs2.pinBasedControls & PinBased.activateVmxPreemptionTimer;
  vmcs2.primaryControls = (controls.primaryControls | vmcs2.primaryControls & windows) >>> 0;
  vmcs2.secondaryControls = controls.secondaryControls;
  vmcs2.tertiaryControls = controls.tertiaryControls;
  vcpu.msrBitmap = msrBitmapOf(choice);
}
var readable = readableRegisters.filter((register2) => register2 !== 57);
function msrBitmapOf(choice) {
  const bitmap = fullMsrBitmap();
  if (choice.apicMode !== ApicMode.x2apic || !choice.tprShadow) return bitmap;
  if (!choice.apicv) {
    clearBit(bitmap.read, 8);
    clearBit(bitmap.write, 8);
    return bitmap;
  }
  for (const register2 of readable) clearBit(bitmap.read, register2);
  for (const register2 of [8, 11, 63]) clearBit(bitmap.write, register2);
  if (choice.ipiVirtualization) clearBit(bitmap.write, 48);
  return bitmap;
}

// src/kvm/apicv.ts
var { program: program11, stage: stage18, glue: glue10 } = kvm;
var ApicvInhibit = {
  disabled: 1,
  hyperv: 2,
  absent: 4,
  blockIrq: 8,
  physicalIdAliased: 16,
  apicIdModified: 32,
  apicBaseModified: 64
};
function shouldActivate(machine, vcpu) {
  const vm = vmOf(machine, vcpu);
  return vm.apicv === 1 && vm.apicvInhibits === 0 && vcpu.apicMode !== ApicMode.disabled;
}
function idInhibits(machine, vm) {
  let inhibits = 0;
  const seen = [];
  for (const id2 of vm.vcpus) {
    const vcpu = vcpuOf(machine, id2);
    if (vcpu.apicMode === ApicMode.disabled) continue;
    const physical = apicId({ mode: vcpu.apicMode, registers: vcpu.page });
    if (seen.includes(physical)) inhibits |= ApicvInhibit.physicalIdAliased;
    seen.push(physical);
    if (vcpu.apicMode === ApicMode.xapic && physical !== (vcpu.vcpuId & 255)) inhibits |= ApicvInhibit.apicIdModified;
  }
  return inhibits;
}
var kvmSetOrClearApicvInhibit = program11(
  "__kvm_set_or_clear_apicv_inhibit",
  () => ({ vm: 0, mask: 0, set: 0, next: 0 }),
  [
    stage18("set", "apicvInhibit", shared, (m, _cpu, f) => {
      const vm = m.vms[f.vm];
      const before2 = vm.apicvInhibits;
      vm.apicvInhibits = f.set === 1 ? before2 | f.mask : before2 & ~f.mask;
      return before2 === 0 === (vm.apicvInhibits === 0) ? done : void 0;
    }),
    // The old way of delivery stays in use until each virtual CPU has looked: it does before it runs the guest again.
    stage18(
      "kvm_make_all_cpus_request",
      "makeRequest",
      shared,
      (m, cpu, f) => {
        const target = m.vms[f.vm].vcpus[f.next++];
        if (target === void 0) return "kvm_zap_gfn_range";
        makeRequest(vcpuOf(m, target), VcpuRequest.apicvUpdate);
        call(m, cpu, kvmVcpuKick).target = target;
        return void 0;
      },
      { to: ["kvm_zap_gfn_range"] }
    ),
    glue10("next", () => "kvm_make_all_cpus_request", { to: ["kvm_make_all_cpus_request"] }),
    // Who accesses the page from now on finds it gone. Once the last reason is cleared, the first access maps it again.
    stage18("kvm_zap_gfn_range", "zapApicPage", shared, (m, _cpu, f) => {
      const vm = m.vms[f.vm];
      if (vm.apicvInhibits !== 0 && vm.hidesApicPage === 1) m.apicPageMapping[f.vm] = ApicPageMapping.notPresent;
    })
  ]
);
var kvmVcpuUpdateApicv = program11("__kvm_vcpu_update_apicv", () => ({}), [
  stage18("refresh_apicv_exec_ctrl", "apicvRefresh", shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    const active = shouldActivate(m, vcpu) ? 1 : 0;
    if (active === vcpu.apicvActive) return;
    vcpu.apicvActive = active;
    vcpu.irrPending = 1;
    applyApicvControls(m, vcpu);
    if (active === 1) {
      const inService2 = highestBit(vcpu.page.isr);
      setSvi(vcpu.vmcs, inService2 < 0 ? 0 : inService2);
    } else {
      vcpu.vmcs.guestInterruptStatus = 0;
      makeRequest(vcpu, VcpuRequest.event);
    }
  })
]);

// src/arch/posted-interrupt-descriptor.ts
function emptyDescriptor() {
  return { pir: emptyBits256(), on: 0, sn: 0, nv: 0, ndst: 0 };
}

// src/arch/local-apic/priority.ts
function inService(registers) {
  const vector2 = highestBit(registers.isr);
  return vector2 < 0 ? 0 : vector2;
}
function updateProcessorPriority(registers) {
  const tpr = registers.tpr & 255;
  const service = inService(registers) & 240;
  registers.ppr = (tpr & 240) >= service ? tpr : service;
}
function dispensableInterrupt(registers) {
  const vector2 = highestBit(registers.irr);
  return vector2 >= 0 && (vector2 & 240) > (registers.ppr & 240) ? vector2 : -1;
}
function acknowledgeInterrupt(registers) {
  const vector2 = dispensableInterrupt(registers);
  if (vector2 < 0) return -1;
  clearBit(registers.irr, vector2);
  setBit(registers.isr, vector2);
  updateProcessorPriority(registers);
  return vector2;
}

// src/kvm/apic-map.ts
function addressee(vcpu) {
  return { mode: vcpu.apicMode, registers: vcpu.page };
}
function isApicEnabled(vcpu) {
  return vcpu.apicMode !== ApicMode.disabled && (vcpu.page.svr & 256) !== 0;
}
function isBroadcast(machine, message) {
  const mode = message.source < 0 ? ApicMode.xapic : vcpuOf(machine, message.source).apicMode;
  return message.destination === broadcastDestination(mode);
}
function recalculateApicMap(machine, vm) {
  vm.apicMap = [];
  vm.logicalMap = [];
  vm.logicalMode = LogicalMode.disabled;
  const set = (list2, index, vcpu) => {
    while (list2.length <= index) list2.push(-1);
    list2[index] = vcpu;
  };
  for (const id2 of vm.vcpus) {
    const vcpu = vcpuOf(machine, id2);
    if (vcpu.apicMode === ApicMode.disabled) continue;
    set(vm.apicMap, apicId(addressee(vcpu)), id2);
    if (!isApicEnabled(vcpu)) continue;
    addLogical(vm, vcpu, set);
  }
}
function addLogical(vm, vcpu, set) {
  const { ldr, dfr } = vcpu.page;
  const x2apic = vcpu.apicMode === ApicMode.x2apic;
  if (!x2apic && ldr === 0) return;
  const mode = x2apic ? LogicalMode.x2apic : dfr >>> 28 === 15 ? LogicalMode.flat : LogicalMode.cluster;
  if (vm.logicalMode !== LogicalMode.disabled && vm.logicalMode !== mode) vm.logicalMode = LogicalMode.mapDisabled;
  if (vm.logicalMode === LogicalMode.mapDisabled) return;
  vm.logicalMode = mode;
  const { cluster, bits } = splitLogical(mode, x2apic ? ldr : ldr >>> 24);
  if (bits === 0 || (bits & bits - 1) !== 0) {
    vm.logicalMode = LogicalMode.mapDisabled;
    return;
  }
  set(vm.logicalMap, 16 * cluster + 31 - Math.clz32(bits), vcpu.id);
}
function splitLogical(mode, destination) {
  if (mode === LogicalMode.x2apic) return { cluster: destination >>> 16, bits: destination & 65535 };
  if (mode === LogicalMode.cluster) return { cluster: destination >>> 4 & 15, bits: destination & 15 };
  return { cluster: 0, bits: destination & 255 };
}
function fastTargets(machine, vm, message) {
  const { low, destination } = message;
  const shorthand = icrShorthand(low);
  if (shorthand === Shorthand.self) return [message.source];
  if (shorthand !== Shorthand.none || isBroadcast(machine, message)) return void 0;
  let targets;
  if (icrDestinationMode(low) === 0) {
    const target = vm.apicMap[destination] ?? -1;
    targets = target < 0 ? [] : [target];
  } else {
    if (vm.logicalMode === LogicalMode.mapDisabled) return void 0;
    if (vm.logicalMode === LogicalMode.disabled) return [];
    const { cluster, bits } = splitLogical(vm.logicalMode, destination);
    if (vm.logicalMode === LogicalMode.cluster && cluster === 15) return void 0;
    targets = [];
    for (let bit = 0; bit < 16; bit++) {
      const target = (bits >>> bit & 1) === 1 ? vm.logicalMap[16 * cluster + bit] ?? -1 : -1;
      if (target >= 0) targets.push(target);
    }
  }
  return arbitrate(machine, targets, low);
}
function arbitrate(machine, targets, low) {
  if (icrDeliveryMode(low) !== DeliveryMode.lowestPriority) return targets;
  const enabled = targets.filter((target) => isApicEnabled(vcpuOf(machine, target)));
  if (enabled.length === 0) return [];
  return [enabled[icrVector(low) % enabled.length]];
}
function matchesVcpu(machine, message, vcpu) {
  const { low, destination, source: source3 } = message;
  if (vcpu.apicMode === ApicMode.disabled) return false;
  const shorthand = icrShorthand(low);
  if (shorthand !== Shorthand.none) return matchesShorthand(shorthand, source3 === vcpu.id);
  return isBroadcast(machine, message) || matchesDestination(addressee(vcpu), destination, icrDestinationMode(low));
}

// src/arch/local-apic/lvt.ts
var lvtRegisters = [
  "lvtCmci",
  "lvtTimer",
  "lvtThermal",
  "lvtPerformance",
  "lvtLint0",
  "lvtLint1",
  "lvtError"
];
var lvtMasked = 65536;
var lvtRemoteIrr = 16384;
var TimerMode = {
  oneShot: 0,
  periodic: 1,
  tscDeadline: 2
};
function timerMode(registers) {
  return registers.lvtTimer >>> 17 & 3;
}

// src/arch/local-apic/timer.ts
var tscDeadlineMsr = 1760;
function timerDivisor(divideConfiguration) {
  const code = divideConfiguration >>> 1 & 4 | divideConfiguration & 3;
  return code === 7 ? 1 : 2 << code;
}

// src/kvm/records.ts
var KvmRecord = {
  /** A virtual CPU begins (1) or ends (0) to be halted. */
  halt: recordKind("halt", "vcpu", "begins"),
  /** It begins (1) or ends (0) to poll. */
  haltPoll: recordKind("halt-poll", "vcpu", "begins"),
  /** It goes on: after sleep (1) or poll (0). */
  wakeup: recordKind("wakeup", "vcpu", "slept"),
  /** KVM sends an IPI: bits 31:0 of the ICR, the destination. Tracepoint `kvm_apic_ipi`. */
  sendIpi: recordKind("send-ipi", "icr", "destination"),
  /** A message reaches a local APIC: as bits 31:0 of an ICR. Tracepoint `kvm_apic_accept_irq`. */
  acceptIrq: recordKind("accept-irq", "vcpu", "icr"),
  /** It has been posted there. Tracepoint `kvm_apicv_accept_irq`. */
  apicvAcceptIrq: recordKind("apicv-accept-irq", "vcpu", "icr"),
  /** A read or write of an MSR has been emulated: bits 31:0 of the value. Tracepoint `kvm_msr`. */
  msrRead: recordKind("msr-read", "msr", "value"),
  msrWrite: recordKind("msr-write", "msr", "value"),
  /** The same, and it came to a general-protection fault. */
  msrReadFault: recordKind("msr-read-fault", "msr", "value"),
  msrWriteFault: recordKind("msr-write-fault", "msr", "value"),
  /** An exception is made for the guest: its vector, and 1 if it has an error code. Tracepoint `kvm_inj_exception`. */
  injectException: recordKind("inject-exception", "vector", "hasErrorCode"),
  /** INIT has reset it: nothing is pending or in service any more. */
  reset: recordKind("vcpu-reset", "vcpu"),
  /** An advanced timer's expiry: cycles after its deadline, before it below 0. Tracepoint `kvm_wait_lapic_expire`. */
  waitLapicExpire: recordKind("wait-lapic-expire", "vcpu", "late"),
  /** What stands for the guest's timer: the VMX-preemption timer (1) or one of the host (0). Tracepoint `kvm_hv_timer_state`. */
  hvTimerState: recordKind("hv-timer-state", "vcpu", "hv"),
  /** KVM saw an EOI. */
  eoi: recordKind("eoi", "vcpu", "vector")
};

// src/kvm/deliver.ts
var { program: program12, stage: stage19, glue: glue11 } = kvm;
var [setPir3, setOn2] = softwarePostingSteps;
var vmxDeliverPostedInterrupt = program12(
  "vmx_deliver_posted_interrupt",
  () => ({ target: 0, vector: 0, pid: -1, urgent: 0, nv: 0, ndst: 0 }),
  [
    stage19(
      "set-pir",
      "kvmPirUpdate",
      shared,
      (m, cpu, f) => {
        const pending = testBit(m.memory.descriptors[f.pid].pir, f.vector);
        observe(m, pending ? Record.coalesced : Record.posted, f.pid, f.vector);
        fence(m, cpu);
        return setPir3?.run(void 0, m.memory, f) === void 0 ? void 0 : done;
      },
      { line: (m, _cpu, f) => descriptorLine(m, f.pid) }
    ),
    stage19(
      "set-on",
      "kvmOnUpdate",
      shared,
      (m, cpu, f) => {
        fence(m, cpu);
        if (setOn2?.run(void 0, m.memory, f) !== void 0) return done;
        notify(m, vcpuOf(m, f.target).channel);
        return void 0;
      },
      { line: (m, _cpu, f) => descriptorLine(m, f.pid) }
    ),
    stage19(
      "read-mode",
      "vcpuModeRead",
      shared,
      (m, cpu, f) => {
        if (load(m, cpu, vcpuMode, f.target) !== VcpuMode.inGuestMode) return "kvm_vcpu_wake_up";
        return cpu.vcpu === f.target && cpu.nonRoot === 0 ? done : void 0;
      },
      { line: (m, _cpu, f) => vcpuOf(m, f.target).modeLine, to: ["kvm_vcpu_wake_up"] }
    ),
    stage19("notify", "physicalIcrWrite", shared, (m, _cpu, f) => {
      sendPhysicalIpi(m, vcpuOf(m, f.target).cpu, HostVector.postedInterrupt);
      return done;
    }),
    glue11("kvm_vcpu_wake_up", (m, cpu, f) => {
      call(m, cpu, kvmVcpuWakeUp).target = f.target;
    })
  ]
);
var vmxDeliverInterrupt = program12("vmx_deliver_interrupt", () => ({ target: 0, vector: 0 }), [
  stage19(
    "read-apicv_active",
    "apicvActiveRead",
    shared,
    (m, cpu, f) => {
      const target = vcpuOf(m, f.target);
      if (target.apicvActive === 0) return "kvm_lapic_set_irr";
      const post = call(m, cpu, vmxDeliverPostedInterrupt);
      post.target = f.target;
      post.vector = f.vector;
      post.pid = target.pid;
      return void 0;
    },
    { to: ["kvm_lapic_set_irr"] }
  ),
  glue11("posted", (m, _cpu, f) => {
    observe(m, KvmRecord.apicvAcceptIrq, f.target, f.vector);
    return done;
  }),
  stage19(
    "kvm_lapic_set_irr",
    "kvmPirUpdate",
    shared,
    (m, cpu, f) => {
      const target = vcpuOf(m, f.target);
      fence(m, cpu);
      observe(m, testBit(target.page.irr, f.vector) ? Record.coalesced : Record.posted, target.pid, f.vector);
      setBit(target.page.irr, f.vector);
      target.irrPending = 1;
      notify(m, target.channel);
    },
    { line: (m, _cpu, f) => descriptorLine(m, vcpuOf(m, f.target).pid) }
  ),
  stage19(
    "kvm_make_request",
    "makeRequest",
    shared,
    (m, cpu, f) => {
      fence(m, cpu);
      makeRequest(vcpuOf(m, f.target), VcpuRequest.event);
    },
    { line: (m, _cpu, f) => vcpuOf(m, f.target).modeLine }
  ),
  glue11("kvm_vcpu_kick", (m, cpu, f) => {
    call(m, cpu, kvmVcpuKick).target = f.target;
  })
]);

// src/kvm/accept-irq.ts
var { program: program13, stage: stage20, glue: glue12 } = kvm;
function kickFor(machine, processor2, target, request) {
  fence(machine, processor2);
  makeRequest(vcpuOf(machine, target), request);
  notify(machine, vcpuOf(machine, target).channel);
  call(machine, processor2, kvmVcpuKick).target = target;
}
function acceptEvent(machine, processor2, f) {
  const target = vcpuOf(machine, f.target);
  switch (icrDeliveryMode(f.low)) {
    case DeliveryMode.nmi:
      target.nmiQueued = Math.min(target.nmiQueued + 1, 2);
      return kickFor(machine, processor2, f.target, VcpuRequest.nmi);
    case DeliveryMode.smi:
      return kickFor(machine, processor2, f.target, VcpuRequest.smi);
    case DeliveryMode.init:
      if (icrTriggerMode(f.low) === 1 && icrLevel(f.low) === 0) return void 0;
      target.pendingEvents = PendingEvent.init;
      return kickFor(machine, processor2, f.target, VcpuRequest.event);
    case DeliveryMode.startUp:
      target.sipiVector = f.low & 255;
      target.pendingEvents |= PendingEvent.sipi;
      return kickFor(machine, processor2, f.target, VcpuRequest.event);
    default:
      return void 0;
  }
}
var apicAcceptIrq = program13("__apic_accept_irq", () => ({ target: 0, low: 0 }), [
  stage20(
    "accept",
    "acceptIrq",
    shared,
    (m, cpu, f) => {
      observe(m, KvmRecord.acceptIrq, f.target, f.low);
      const mode = icrDeliveryMode(f.low);
      if (mode !== DeliveryMode.fixed && mode !== DeliveryMode.lowestPriority) return "event";
      const target = vcpuOf(m, f.target);
      const level2 = icrTriggerMode(f.low) === 1;
      if (!isApicEnabled(target) || level2 && icrLevel(f.low) === 0) return done;
      const vector2 = f.low & 255;
      if (level2) setBit(target.page.tmr, vector2);
      else clearBit(target.page.tmr, vector2);
      const deliver = call(m, cpu, vmxDeliverInterrupt);
      deliver.target = f.target;
      deliver.vector = vector2;
      return void 0;
    },
    { to: ["event"] }
  ),
  glue12("delivered", () => done),
  stage20("event", "makeRequest", shared, (m, cpu, f) => acceptEvent(m, cpu, f), {
    line: (m, _cpu, f) => vcpuOf(m, f.target).modeLine
  })
]);

// src/kvm/lapic-timer-advance.ts
var { program: program14, stage: stage21 } = kvm;
var leastError = 100;
var mostError = 1e4;
var step2 = 8;
var mostMicroseconds = 5;
function adjustTimerAdvance(advance, late, cyclesPerMicrosecond) {
  const error = Math.abs(late);
  if (error > mostError || error < leastError) return advance;
  const adjusted = late < 0 ? advance - Math.floor(error / step2) : advance + Math.floor(error / step2);
  return adjusted > mostMicroseconds * cyclesPerMicrosecond || adjusted < 0 ? cyclesPerMicrosecond : adjusted;
}
function hasToWaitForDeadline(vcpu) {
  const { expiredDeadline, advance } = vcpu.lapicTimer;
  if (expiredDeadline === 0 || advance === 0) return false;
  const vector2 = vcpu.page.lvtTimer & 255;
  return testBit(vcpu.apicvActive === 1 ? vcpu.page.irr : vcpu.page.isr, vector2);
}
function left(timer2, now) {
  return Math.max(0, Math.min(timer2.deadline - now, timer2.advance));
}
var kvmWaitLapicExpire = program14(
  "__kvm_wait_lapic_expire",
  () => ({ target: 0, deadline: 0, advance: 0, wait: 0 }),
  [
    stage21("rdtsc", "rdtsc", shared, (m, _cpu, f) => {
      const { lapicTimer } = vcpuOf(m, f.target);
      f.deadline = lapicTimer.expiredDeadline;
      lapicTimer.expiredDeadline = 0;
      readClock(m);
    }),
    stage21("adjust_lapic_timer_advance", "timerAdvanceAdjust", shared, (m, _cpu, f, now) => {
      adapt(m, vcpuOf(m, f.target), now - f.deadline);
      readClock(m);
    }),
    stage21("begin-delay", "rdtsc", local, (m, _cpu, f, now) => {
      f.advance = vcpuOf(m, f.target).lapicTimer.advance;
      f.wait = left(f, now);
    }),
    stage21("__delay", "timerDelay", shared, () => {
    }, { work: (_m, _cpu, f) => f.wait })
  ]
);
function adapt(machine, vcpu, late) {
  const vm = vmOf(machine, vcpu);
  observe(machine, KvmRecord.waitLapicExpire, vcpu.id, late);
  if (vm.timerAdvance !== TimerAdvance.adaptive) return;
  vcpu.lapicTimer.advance = adjustTimerAdvance(vcpu.lapicTimer.advance, late, vm.cyclesPerMicrosecond);
}

// src/kvm/lapic-timer-choice.ts
function canPostTimerInterrupt(machine, vcpu) {
  const vm = vmOf(machine, vcpu);
  if (vm.postedTimer === PostedTimer.off || vcpu.apicvActive === 0) return false;
  return vm.postedTimer === PostedTimer.global || vm.hltInGuest === 1 || vm.mwaitInGuest === 1;
}
function canUseHvTimer(machine, vcpu) {
  const vm = vmOf(machine, vcpu);
  return vm.preemptionTimer === 1 && vm.mwaitInGuest === 0 && !canPostTimerInterrupt(machine, vcpu);
}
function cancelHvTimer(vcpu) {
  vcpu.lapicTimer.hvInUse = 0;
  vcpu.vmcs.pinBasedControls &= ~PinBased.activateVmxPreemptionTimer;
}
function useHvTimer(vcpu) {
  vcpu.lapicTimer.hvInUse = 1;
  vcpu.vmcs.pinBasedControls |= PinBased.activateVmxPreemptionTimer;
}

// src/kvm/lapic-timer.ts
var { program: program15, stage: stage22, glue: glue13 } = kvm;
function isPeriodic(vcpu) {
  return timerMode(vcpu.page) === TimerMode.periodic;
}
function countCycles(machine, vcpu, count6) {
  return count6 * timerDivisor(vcpu.page.divideConfiguration) * vmOf(machine, vcpu).apicTick;
}
function setPeriod(machine, vcpu) {
  const period = countCycles(machine, vcpu, vcpu.page.initialCount);
  const least = isPeriodic(vcpu) ? 200 * vmOf(machine, vcpu).cyclesPerMicrosecond : 0;
  vcpu.lapicTimer.period = period === 0 ? 0 : Math.max(period, least);
}
function setTargetExpiration(machine, vcpu, restore, now) {
  const { lapicTimer: timer2, page: page2 } = vcpu;
  setPeriod(machine, vcpu);
  if (timer2.period === 0) {
    timer2.deadline = 0;
    return;
  }
  let left2 = timer2.period;
  if (restore === 1) {
    const rest = countCycles(machine, vcpu, page2.currentCount);
    if (rest === 0) left2 = isPeriodic(vcpu) ? timer2.period : 0;
    else left2 = Math.min(rest, timer2.period);
  }
  timer2.deadline = now + left2;
}
function currentTimerCount(machine, vcpu, now) {
  const { deadline, period } = vcpu.lapicTimer;
  if (timerMode(vcpu.page) === TimerMode.tscDeadline || vcpu.page.initialCount === 0 || period === 0) return 0;
  const left2 = Math.max(0, deadline - now) % period;
  return Math.floor(left2 / countCycles(machine, vcpu, 1));
}
function updateTargetExpiration(machine, vcpu, before2, now) {
  const { lapicTimer: timer2 } = vcpu;
  setPeriod(machine, vcpu);
  const left2 = Math.max(0, timer2.deadline - now);
  timer2.deadline = now + Math.floor(left2 * timerDivisor(vcpu.page.divideConfiguration) / before2);
}
function cancelApicTimer(machine, vcpu) {
  cancel(machine, vcpu.lapicTimer.hrtimer);
  if (vcpu.lapicTimer.hvInUse === 1) cancelHvTimer(vcpu);
  vcpu.lapicTimer.pending = 0;
}
function hrtimerArmed(machine, vcpu) {
  return machine.timers[vcpu.lapicTimer.hrtimer].armed === 1;
}
function hrtimerStart(machine, processor2, vcpu, expires, now) {
  const { lapicTimer } = vcpu;
  const { timerProcessor } = vmOf(machine, vcpu);
  const elsewhere = timerProcessor >= 0 && canPostTimerInterrupt(machine, vcpu);
  timerUse(machine, lapicTimer.hrtimer).processor = elsewhere ? timerProcessor : processor2.id;
  lapicTimer.expires = Math.max(0, expires);
  arm(machine, lapicTimer.hrtimer, Math.max(0, expires - now));
}
var startSwTimer = program15("start_sw_timer", () => ({ expires: 0 }), [
  stage22("ktime_get", "ktimeGet", shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    if (vcpu.lapicTimer.hvInUse === 1) cancelHvTimer(vcpu);
    if (vcpu.lapicTimer.deadline === 0 || !isPeriodic(vcpu) && vcpu.lapicTimer.pending > 0) return done;
    readClock(m);
    return void 0;
  }),
  glue13(
    "due",
    (m, cpu, f, now) => {
      const vcpu = currentVcpu(m, cpu);
      const { deadline, advance } = vcpu.lapicTimer;
      f.expires = timerMode(vcpu.page) === TimerMode.tscDeadline ? deadline - advance : deadline;
      if (f.expires > now) return "hrtimer_start";
      call(m, cpu, apicTimerExpired).target = vcpu.id;
      return void 0;
    },
    { to: ["hrtimer_start"] }
  ),
  stage22("advance_periodic_target_expiration", "timerPeriod", shared, (m, cpu) => {
    if (!isPeriodic(currentVcpu(m, cpu))) return done;
    readClock(m);
    return void 0;
  }),
  glue13("next-period", (m, cpu, f, now) => {
    advancePeriodicTargetExpiration(currentVcpu(m, cpu), now);
    f.expires = currentVcpu(m, cpu).lapicTimer.deadline;
  }),
  stage22("hrtimer_start", "hrtimerStart", shared, (m) => {
    readClock(m);
  }),
  stage22("program", "hrtimerProgram", shared, (m, cpu, f, now) => {
    observe(m, KvmRecord.hvTimerState, cpu.vcpu, 0);
    hrtimerStart(m, cpu, currentVcpu(m, cpu), f.expires, now);
  })
]);
var restartApicTimer = program15("restart_apic_timer", () => ({}), [
  stage22("rdtsc", "rdtsc", shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    if (!isPeriodic(vcpu) && vcpu.lapicTimer.pending > 0) return done;
    readClock(m);
    return void 0;
  }),
  stage22(
    "start_hv_timer",
    "startHvTimer",
    shared,
    (m, cpu, _f, now) => {
      const vcpu = currentVcpu(m, cpu);
      const { deadline, advance } = vcpu.lapicTimer;
      const left2 = Math.max(0, deadline - now - advance);
      if (!canUseHvTimer(m, vcpu) || deadline === 0 || left2 >= 2 ** (32 + preemptionTimerShift))
        return "start_sw_timer";
      useHvTimer(vcpu);
      cancel(m, vcpu.lapicTimer.hrtimer);
      observe(m, KvmRecord.hvTimerState, vcpu.id, 1);
      if (isPeriodic(vcpu) || left2 > 0) return done;
      call(m, cpu, apicTimerExpired).target = vcpu.id;
      return "cancel_hv_timer";
    },
    { to: ["start_sw_timer", "cancel_hv_timer"] }
  ),
  glue13("cancel_hv_timer", (m, cpu) => {
    cancelHvTimer(currentVcpu(m, cpu));
    return done;
  }),
  glue13("start_sw_timer", (m, cpu) => {
    call(m, cpu, startSwTimer);
  }),
  glue13("started", () => done)
]);
var startApicTimer = program15("__start_apic_timer", () => ({ restore: 0 }), [
  glue13(
    "mode",
    (m, cpu) => {
      const vcpu = currentVcpu(m, cpu);
      vcpu.lapicTimer.pending = 0;
      return timerMode(vcpu.page) === TimerMode.tscDeadline ? "restart_apic_timer" : void 0;
    },
    { to: ["restart_apic_timer"] }
  ),
  stage22("ktime_get", "ktimeGet", shared, (m) => {
    readClock(m);
  }),
  glue13("set_target_expiration", (m, cpu, f, now) => {
    const vcpu = currentVcpu(m, cpu);
    setTargetExpiration(m, vcpu, f.restore, now);
    return vcpu.lapicTimer.deadline === 0 ? done : void 0;
  }),
  glue13("restart_apic_timer", (m, cpu) => {
    call(m, cpu, restartApicTimer);
  }),
  glue13("started", () => done)
]);
var updateDivideCount = program15("update_target_expiration", () => ({ before: 1 }), [
  stage22("ktime_get", "ktimeGet", shared, (m, cpu) => {
    cancel(m, currentVcpu(m, cpu).lapicTimer.hrtimer);
    readClock(m);
  }),
  glue13("restart_apic_timer", (m, cpu, f, now) => {
    updateTargetExpiration(m, currentVcpu(m, cpu), f.before, now);
    call(m, cpu, restartApicTimer);
  }),
  glue13("started", () => done)
]);
function advancePeriodicTargetExpiration(vcpu, now) {
  const { lapicTimer } = vcpu;
  lapicTimer.deadline = Math.max(now, lapicTimer.deadline + lapicTimer.period);
}
var kvmApicInjectPendingTimerIrqs = program15("kvm_apic_inject_pending_timer_irqs", () => ({ target: 0 }), [
  stage22("kvm_apic_local_deliver", "timerInject", shared, (m, cpu, f) => {
    const vcpu = vcpuOf(m, f.target);
    vcpu.lapicTimer.pending = 0;
    if (!isPeriodic(vcpu)) vcpu.lapicTimer.deadline = 0;
    const entry = vcpu.page.lvtTimer;
    if ((entry & 65536) !== 0) return;
    const accept2 = call(m, cpu, apicAcceptIrq);
    accept2.target = f.target;
    accept2.low = entry & 255 | 16384;
  }),
  glue13("injected", () => done)
]);
var apicTimerExpired = program15("apic_timer_expired", () => ({ target: 0, fromTimer: 0 }), [
  stage22(
    "pending",
    "timerExpired",
    shared,
    (m, cpu, f) => {
      const vcpu = vcpuOf(m, f.target);
      const timer2 = vcpu.lapicTimer;
      if (timer2.pending > 0) return done;
      if (timerMode(vcpu.page) === TimerMode.tscDeadline || timer2.hvInUse === 1) timer2.expiredDeadline = timer2.deadline;
      if (f.fromTimer === 0 && vcpu.apicvActive === 1) return "kvm_apic_inject_pending_timer_irqs";
      const post = canPostTimerInterrupt(m, vcpu) && load(m, cpu, vcpuMode, f.target) === VcpuMode.inGuestMode;
      if (post) {
        if (timer2.expiredDeadline > 0 && timer2.advance > 0) call(m, cpu, kvmWaitLapicExpire).target = f.target;
        return "kvm_apic_inject_pending_timer_irqs";
      }
      timer2.pending++;
      return void 0;
    },
    { to: ["kvm_apic_inject_pending_timer_irqs"], line: (m, _cpu, f) => vcpuOf(m, f.target).modeLine }
  ),
  stage22(
    "kvm_make_request",
    "makeRequest",
    shared,
    (m, cpu, f) => {
      fence(m, cpu);
      const vcpu = vcpuOf(m, f.target);
      makeRequest(vcpu, VcpuRequest.unblock);
      notify(m, vcpu.channel);
      if (f.fromTimer === 1) call(m, cpu, kvmVcpuKick).target = f.target;
    },
    { line: (m, _cpu, f) => vcpuOf(m, f.target).modeLine }
  ),
  glue13("requested", () => done),
  glue13("kvm_apic_inject_pending_timer_irqs", (m, cpu, f) => {
    call(m, cpu, kvmApicInjectPendingTimerIrqs).target = f.target;
  }),
  glue13("handled", () => done)
]);
var apicTimerFn = program15("apic_timer_fn", () => ({ timer: 0, target: 0 }), [
  glue13("apic_timer_expired", (m, cpu, f) => {
    f.target = timerUse(m, f.timer).owner;
    const expired2 = call(m, cpu, apicTimerExpired);
    expired2.target = f.target;
    expired2.fromTimer = 1;
  }),
  glue13("lapic_is_periodic", (m, _cpu, f) => isPeriodic(vcpuOf(m, f.target)) ? void 0 : done),
  stage22("advance_periodic_target_expiration", "timerPeriod", shared, (m) => {
    readClock(m);
  }),
  stage22("HRTIMER_RESTART", "hrtimerProgram", shared, (m, cpu, f, now) => {
    const vcpu = vcpuOf(m, f.target);
    if (vcpu.lapicTimer.period === 0) return;
    advancePeriodicTargetExpiration(vcpu, now);
    const { processor: processor2 } = timerUse(m, f.timer);
    hrtimerStart(m, m.processors[processor2] ?? cpu, vcpu, vcpu.lapicTimer.deadline, now);
  })
]);
var kvmLapicExpiredHvTimer = program15("kvm_lapic_expired_hv_timer", () => ({ target: 0 }), [
  stage22("hv_timer_in_use", "hvTimerExpired", shared, (m, cpu, f) => {
    if (vcpuOf(m, f.target).lapicTimer.hvInUse === 0) return done;
    call(m, cpu, apicTimerExpired).target = f.target;
    return void 0;
  }),
  glue13("cancel_hv_timer", (m, _cpu, f) => {
    const vcpu = vcpuOf(m, f.target);
    cancelHvTimer(vcpu);
    return isPeriodic(vcpu) && vcpu.lapicTimer.period > 0 ? void 0 : done;
  }),
  stage22("advance_periodic_target_expiration", "timerPeriod", shared, (m) => {
    readClock(m);
  }),
  glue13("restart_apic_timer", (m, cpu, f, now) => {
    advancePeriodicTargetExpiration(vcpuOf(m, f.target), now);
    call(m, cpu, restartApicTimer);
  }),
  glue13("restarted", () => done)
]);
var kvmMigrateApicTimer = program15("__kvm_migrate_apic_timer", () => ({}), [
  stage22("hrtimer_cancel", "hrtimerStart", shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    if (canPostTimerInterrupt(m, vcpu) || !hrtimerArmed(m, vcpu)) return done;
    cancel(m, vcpu.lapicTimer.hrtimer);
    readClock(m);
    return void 0;
  }),
  stage22("hrtimer_start_expires", "hrtimerProgram", shared, (m, cpu, _f, now) => {
    const vcpu = currentVcpu(m, cpu);
    hrtimerStart(m, cpu, vcpu, vcpu.lapicTimer.expires, now);
  })
]);

// src/kvm/has-events.ts
function priorityClass(registers) {
  const inService2 = highestBit(registers.isr);
  return Math.max(registers.tpr >>> 4, inService2 < 0 ? 0 : inService2 >> 4);
}
function highestRequest(machine, vcpu) {
  const { on, pir } = descriptorOf(machine, vcpu);
  const requested = highestBit(vcpu.page.irr);
  return on === 1 ? Math.max(requested, highestBit(pir)) : requested;
}
function interruptAllowed(vcpu) {
  return vcpu.interruptFlag === 1 && (vcpu.interruptibility & 3) === 0;
}
function nmiAllowed(vcpu) {
  return (vcpu.interruptibility & 11) === 0;
}
function hasInterrupt(machine, vcpu) {
  const vector2 = highestRequest(machine, vcpu);
  return vector2 >= 0 && vector2 >> 4 > priorityClass(vcpu.page);
}
function hasEvents(machine, vcpu) {
  return vcpu.pendingEvents !== 0 || vcpu.pvUnhalted === 1 || vcpu.nmiQueued + vcpu.nmiPending > 0 && nmiAllowed(vcpu) || interruptAllowed(vcpu) && hasInterrupt(machine, vcpu);
}
function isRunnable(machine, vcpu) {
  return vcpu.mpState === MpState.runnable || hasEvents(machine, vcpu);
}

// src/kvm/pi-load-put.ts
var { program: program16, stage: stage23, glue: glue14 } = kvm;
function ownLine(machine, processor2) {
  return currentVcpu(machine, processor2).descriptorLine;
}
function taskVcpu(machine, processor2) {
  return vcpuOf(machine, currentTask(machine, processor2.id).owner);
}
function needsPiWakeup(machine, vcpu) {
  const vm = vmOf(machine, vcpu);
  return vm.apicv === 1 && (vm.ipiVirtualization === 1 || vm.bypassCount > 0);
}
var vmxVcpuPiLoad = program16("vmx_vcpu_pi_load", () => ({}), [
  stage23(
    "read-nv",
    "piLoad",
    shared,
    (m, cpu) => {
      const vcpu = currentVcpu(m, cpu);
      if (vmOf(m, vcpu).apicv === 0) return done;
      const { nv, sn } = descriptorOf(m, vcpu);
      if (nv === HostVector.postedInterruptWakeup || vcpu.cpu !== cpu.id) return "list_del";
      return sn === 1 ? void 0 : done;
    },
    { line: ownLine, to: ["list_del"] }
  ),
  stage23(
    "clear-sn",
    "piControlUpdate",
    shared,
    (m, cpu) => {
      fence(m, cpu);
      descriptorOf(m, currentVcpu(m, cpu)).sn = 0;
      return "set-on";
    },
    { line: ownLine, to: ["set-on"] }
  ),
  stage23("list_del", "piWakeupList", shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    if (vcpu.wakeupList < 0) return;
    const list2 = m.wakeupLists[vcpu.wakeupList];
    list2.splice(list2.indexOf(vcpu.id), 1);
    vcpu.wakeupList = -1;
  }),
  stage23(
    "cmpxchg-control",
    "piControlUpdate",
    shared,
    (m, cpu) => {
      fence(m, cpu);
      const descriptor = descriptorOf(m, currentVcpu(m, cpu));
      descriptor.ndst = cpu.apic.id;
      descriptor.sn = 0;
      descriptor.nv = HostVector.postedInterrupt;
    },
    { line: ownLine }
  ),
  stage23(
    "set-on",
    "piLoad",
    shared,
    (m, cpu) => {
      fence(m, cpu);
      const descriptor = descriptorOf(m, currentVcpu(m, cpu));
      if (highestBit(descriptor.pir) >= 0) descriptor.on = 1;
    },
    { line: ownLine }
  )
]);
var vmxVcpuPiPut = program16("vmx_vcpu_pi_put", () => ({}), [
  stage23(
    "need",
    "piPut",
    shared,
    (m, cpu) => {
      const vcpu = currentVcpu(m, cpu);
      if (!needsPiWakeup(m, vcpu)) return done;
      return vcpu.preempted === 0 && vcpu.waiter === 1 && interruptAllowed(vcpu) ? void 0 : "set-sn";
    },
    { to: ["set-sn"] }
  ),
  stage23("list_add", "piWakeupList", shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    vcpu.wakeupList = cpu.id;
    m.wakeupLists[cpu.id].push(vcpu.id);
  }),
  stage23(
    "cmpxchg-nv",
    "piControlUpdate",
    shared,
    (m, cpu) => {
      fence(m, cpu);
      const descriptor = descriptorOf(m, currentVcpu(m, cpu));
      descriptor.nv = HostVector.postedInterruptWakeup;
      return descriptor.on === 1 ? void 0 : done;
    },
    { line: ownLine }
  ),
  stage23("self-ipi", "physicalIcrWrite", shared, (m, cpu) => {
    sendPhysicalIpi(m, cpu.id, HostVector.postedInterruptWakeup);
    return done;
  }),
  stage23(
    "set-sn",
    "piControlUpdate",
    shared,
    (m, cpu) => {
      fence(m, cpu);
      descriptorOf(m, currentVcpu(m, cpu)).sn = 1;
    },
    { line: ownLine }
  )
]);
var piWakeupHandler = program16("pi_wakeup_handler", () => ({}), [
  stage23("eoi", "hostInterruptHandler", shared, (_m, cpu) => {
    physicalEoi(cpu);
  }),
  stage23("list_for_each_entry", "piWakeupList", shared, (m, cpu) => {
    for (const id2 of m.wakeupLists[cpu.id]) {
      const vcpu = vcpuOf(m, id2);
      const asleep = vcpu.waiter === 1 && m.tasks[vcpu.task]?.state !== TaskState.running;
      if (!asleep || descriptorOf(m, vcpu).on === 0) continue;
      call(m, cpu, tryToWakeUp).task = vcpu.task;
      return void 0;
    }
    return done;
  }),
  glue14("next", () => "list_for_each_entry", { to: ["list_for_each_entry"] })
]);
var vmxPiStartBypass = program16("vmx_pi_start_bypass", () => ({ vm: 0, next: 0 }), [
  stage23("count", "piLoad", shared, (m, _cpu, f) => {
    const vm = m.vms[f.vm];
    return ++vm.bypassCount > 1 ? done : void 0;
  }),
  stage23("kvm_make_all_cpus_request", "makeRequest", shared, (m, cpu, f) => {
    const target = m.vms[f.vm].vcpus[f.next++];
    if (target === void 0) return done;
    makeRequest(vcpuOf(m, target), VcpuRequest.unblock);
    notify(m, vcpuOf(m, target).channel);
    call(m, cpu, kvmVcpuKick).target = target;
    return void 0;
  }),
  glue14("next", () => "kvm_make_all_cpus_request", { to: ["kvm_make_all_cpus_request"] })
]);

// src/hardware/vm-entry.ts
var { microcode: microcode7, stage: stage24, glue: glue15 } = hardware;
var nmi = 2;
var hardwareException = 3;
function inject(thread2, information) {
  if ((information >>> 8 & 7) === hardwareException) {
    interruptWith(thread2, exceptionDelivery).vector = information & 255;
  } else {
    interruptWith(thread2, eventInjection).information = information;
  }
}
var eventInjection = microcode7("event-injection", () => ({ information: 0 }), [
  stage24("idt-vectoring", "idtVectoring", shared, (m, cpu, f) => {
    const vcpu = currentVcpu(m, cpu);
    const vector2 = f.information & 255;
    if ((f.information >>> 8 & 7) === nmi) vcpu.interruptibility |= 8;
    else vcpu.interruptFlag = 0;
    vcpu.activity = 0;
    observe(m, Record.delivered, vcpu.id, vector2);
    interruptAt(m.threads[cpu.thread], handlerOf(vcpu.guestInterrupts, vector2));
  })
]);
var vmEntry = microcode7("vm-entry", () => ({}), [
  glue15(
    "preemption-timer",
    (m, cpu) => hasPreemptionTimer(currentVcpu(m, cpu)) ? "load-guest-state-and-timer" : void 0,
    {
      to: ["load-guest-state-and-timer"]
    }
  ),
  stage24("load-guest-state", "vmEntry", local, (m, cpu) => loadGuestState(m, cpu)),
  glue15("exited", () => done),
  // The same, with a timer that starts to count, which others can tell.
  stage24("load-guest-state-and-timer", "vmEntry", shared, (m, cpu) => {
    loadGuestState(m, cpu);
    if (cpu.nonRoot === 1) loadPreemptionTimer(m, currentVcpu(m, cpu));
  })
]);
function loadGuestState(machine, processor2) {
  const vcpu = currentVcpu(machine, processor2);
  observe(machine, Record.vmEntry, vcpu.id);
  processor2.hostThread = processor2.thread;
  processor2.thread = vcpu.thread;
  processor2.nonRoot = 1;
  processor2.masked = 0;
  processor2.shadow = (vcpu.interruptibility & 1) === 0 ? 0 : 1;
  processor2.attention = 1;
  const outcome = enterApicVirtualization(vcpu);
  if ((vcpu.entryInterruption & 2147483648) !== 0) {
    inject(machine.threads[vcpu.thread], vcpu.entryInterruption);
    vcpu.entryInterruption = 0;
  }
  if (outcome.kind === "exit") vmExit(machine, processor2, outcome);
}

// src/kvm/skip-instruction.ts
function skipInstruction(machine, vcpu, value = 0) {
  retireInstruction(machine.threads[vcpu.thread], value);
  vcpu.interruptibility &= ~3;
}

// src/kvm/emulate-halt.ts
function emulateHalt(machine, vcpu) {
  skipInstruction(machine, vcpu);
  if (hasEvents(machine, vcpu)) vcpu.pvUnhalted = 0;
  else vcpu.mpState = MpState.halted;
}

// src/kvm/inject-exception.ts
var generalProtection2 = 2147486477;
function kvmInjectGp(machine, vcpu) {
  observe(machine, KvmRecord.injectException, generalProtection2 & 255, 1);
  vcpu.exception = generalProtection2;
  makeRequest(vcpu, VcpuRequest.event);
}

// src/arch/local-apic/eoi.ts
var suppressBroadcast = 4096;
function endOfInterrupt2(registers) {
  const vector2 = highestBit(registers.isr);
  if (vector2 < 0) return -1;
  clearBit(registers.isr, vector2);
  updateProcessorPriority(registers);
  if (!testBit(registers.tmr, vector2)) return -1;
  if ((registers.lvtLint0 & (lvtRemoteIrr | 255)) === (lvtRemoteIrr | vector2)) {
    registers.lvtLint0 = (registers.lvtLint0 & ~lvtRemoteIrr) >>> 0;
  }
  return (registers.svr & suppressBroadcast) === 0 ? vector2 : -1;
}

// src/kvm/send-ipi.ts
var { program: program17, stage: stage25, glue: glue16 } = kvm;
var deliveryLocals = () => ({ vm: 0, source: -1, low: 0, destination: 0, next: 0, chosen: -1, count: 0 });
function accept(machine, processor2, f, target) {
  const irq = call(machine, processor2, apicAcceptIrq);
  irq.target = target;
  irq.low = f.low;
}
function nextFast(machine, processor2, f) {
  const targets = fastTargets(machine, machine.vms[f.vm], f);
  if (targets === void 0) {
    f.next = 0;
    return "kvm_for_each_vcpu";
  }
  const target = targets[f.next++];
  if (target === void 0) return done;
  accept(machine, processor2, f, target);
  return void 0;
}
var kvmIrqDeliveryToApic = program17("kvm_irq_delivery_to_apic", deliveryLocals, [
  stage25("kvm_irq_delivery_to_apic_fast", "apicMapLookup", shared, (m, cpu, f) => nextFast(m, cpu, f), {
    to: ["kvm_for_each_vcpu"]
  }),
  stage25(
    "for_each_set_bit",
    "deliveryLoop",
    shared,
    (m, cpu, f) => {
      const more = nextFast(m, cpu, f);
      return more === void 0 ? "for_each_set_bit" : done;
    },
    { to: ["for_each_set_bit"] }
  ),
  stage25(
    "kvm_for_each_vcpu",
    "deliveryLoopMatch",
    shared,
    (m, cpu, f) => {
      const target = m.vms[f.vm].vcpus[f.next];
      if (target === void 0) return "arbitrate";
      f.next++;
      const vcpu = vcpuOf(m, target);
      if (!matchesVcpu(m, f, vcpu)) return "kvm_for_each_vcpu";
      if (icrDeliveryMode(f.low) === DeliveryMode.lowestPriority) {
        if (isApicEnabled(vcpu)) f.count++;
        return "kvm_for_each_vcpu";
      }
      accept(m, cpu, f, target);
      return void 0;
    },
    { to: ["kvm_for_each_vcpu", "arbitrate"] }
  ),
  glue16("next", () => "kvm_for_each_vcpu", { to: ["kvm_for_each_vcpu"] }),
  stage25("arbitrate", "deliveryLoop", shared, (m, cpu, f) => {
    if (f.count === 0) return done;
    let index = icrVector(f.low) % f.count;
    for (const target of m.vms[f.vm].vcpus) {
      const vcpu = vcpuOf(m, target);
      if (matchesVcpu(m, f, vcpu) && isApicEnabled(vcpu) && index-- === 0) accept(m, cpu, f, target);
    }
    return void 0;
  })
]);
var kvmApicSendIpi = program17("kvm_apic_send_ipi", () => ({ vm: 0, source: -1, low: 0, destination: 0 }), [
  stage25("build-irq", "apicSendIpi", shared, (m, cpu, f) => {
    observe(m, KvmRecord.sendIpi, f.low, f.destination);
    const delivery = call(m, cpu, kvmIrqDeliveryToApic);
    delivery.vm = f.vm;
    delivery.source = f.source;
    delivery.low = f.low;
    delivery.destination = f.destination;
  }),
  glue16("sent", () => done)
]);

// src/kvm/ioapic.ts
var { program: program18, stage: stage26, glue: glue17 } = kvm;
var masked = 65536;
var level = 32768;
function pinOf(machine, vm, pin) {
  return machine.vms[vm].ioapic[pin];
}
var ioapicService = program18("ioapic_service", () => ({ vm: 0, pin: 0 }), [
  stage26("service", "ioapicService", shared, (m, cpu, f) => {
    const pin = pinOf(m, f.vm, f.pin);
    if ((pin.low & masked) !== 0 || pin.remoteIrr === 1 && (pin.low & level) !== 0) return done;
    if ((pin.low & level) !== 0) pin.remoteIrr = 1;
    const delivery = call(m, cpu, kvmIrqDeliveryToApic);
    delivery.vm = f.vm;
    delivery.low = pin.low & 36863 | 16384;
    delivery.destination = pin.destination;
    return void 0;
  }),
  glue17("serviced", () => done)
]);
var kvmIoapicSetIrq = program18("kvm_ioapic_set_irq", () => ({ vm: 0, pin: 0, level: 0 }), [
  stage26("set-line", "ioapicSetIrq", shared, (m, cpu, f) => {
    const pin = pinOf(m, f.vm, f.pin);
    const rose = pin.line === 0 && f.level === 1;
    pin.line = f.level;
    if (f.level === 0 || (pin.low & level) === 0 && !rose) return done;
    const service = call(m, cpu, ioapicService);
    service.vm = f.vm;
    service.pin = f.pin;
    return void 0;
  }),
  glue17("set", () => done)
]);
var kvmIoapicSendEoi = program18("kvm_ioapic_send_eoi", () => ({ vm: 0, vector: 0, pin: 0 }), [
  stage26("kvm_ioapic_update_eoi_one", "ioapicEoi", shared, (m, cpu, f) => {
    const { ioapic } = m.vms[f.vm];
    while (f.pin < ioapic.length) {
      const number4 = f.pin++;
      const pin = ioapic[number4];
      if ((pin.low & 255) !== f.vector || (pin.low & level) === 0 || pin.remoteIrr === 0) continue;
      pin.remoteIrr = 0;
      if (pin.resample === 1) pin.line = 0;
      if (pin.line === 0) continue;
      const service = call(m, cpu, ioapicService);
      service.vm = f.vm;
      service.pin = number4;
      return void 0;
    }
    return done;
  }),
  glue17("next", () => "kvm_ioapic_update_eoi_one", { to: ["kvm_ioapic_update_eoi_one"] })
]);
function loadEoiExitmap(machine, vcpu) {
  const { vmcs: vmcs2 } = vcpu;
  vmcs2.eoiExitBitmap0 = [0, 0];
  vmcs2.eoiExitBitmap1 = [0, 0];
  vmcs2.eoiExitBitmap2 = [0, 0];
  vmcs2.eoiExitBitmap3 = [0, 0];
  const words = [vmcs2.eoiExitBitmap0, vmcs2.eoiExitBitmap1, vmcs2.eoiExitBitmap2, vmcs2.eoiExitBitmap3];
  for (const pin of machine.vms[vcpu.vm].ioapic) {
    if ((pin.low & level) === 0 || (pin.low & masked) !== 0) continue;
    if (!matchesVcpu(machine, { source: -1, low: pin.low & 4095, destination: pin.destination }, vcpu)) continue;
    const vector2 = pin.low & 255;
    const word = words[vector2 >> 6];
    if ((vector2 & 32) === 0) word[0] = (word[0] | 1 << (vector2 & 31)) >>> 0;
    else word[1] = (word[1] | 1 << (vector2 & 31)) >>> 0;
  }
}

// src/kvm/lapic-write.ts
var { program: program19, stage: stage27, glue: glue18 } = kvm;
function sendIcr(machine, processor2, vcpu) {
  const { page: page2 } = vcpu;
  page2.icrLow = (page2.icrLow & ~4096) >>> 0;
  const send2 = call(machine, processor2, kvmApicSendIpi);
  send2.vm = vcpu.vm;
  send2.source = vcpu.id;
  send2.low = page2.icrLow;
  send2.destination = vcpu.apicMode === ApicMode.x2apic ? page2.icr64High : page2.icrHigh >>> 24;
}
function sendSelf(machine, processor2, vcpu, vector2) {
  const send2 = call(machine, processor2, kvmApicSendIpi);
  send2.vm = vcpu.vm;
  send2.source = vcpu.id;
  send2.low = 278528 | vector2;
  send2.destination = 0;
}
function updateTimerLvt(machine, vcpu, value) {
  const before2 = timerMode(vcpu.page);
  vcpu.page.lvtTimer = value;
  const after = timerMode(vcpu.page);
  if (before2 === after || before2 !== TimerMode.tscDeadline && after !== TimerMode.tscDeadline) return;
  cancelApicTimer(machine, vcpu);
  vcpu.page.initialCount = 0;
  vcpu.lapicTimer.period = 0;
  vcpu.lapicTimer.deadline = 0;
}
function disableLvt(machine, vcpu) {
  for (const register2 of lvtRegisters) vcpu.page[register2] |= lvtMasked;
  updateTimerLvt(machine, vcpu, vcpu.page.lvtTimer);
  vcpu.lapicTimer.pending = 0;
}
var mapped = [32, 208, 224, 240];
var kvmLapicRegWrite = program19("kvm_lapic_reg_write", () => ({ offset: 0, value: 0, vector: -1 }), [
  stage27(
    "register",
    "lapicRegWrite",
    shared,
    (m, cpu, f) => {
      const vcpu = currentVcpu(m, cpu);
      const { page: page2 } = vcpu;
      switch (f.offset) {
        case 128:
          page2.tpr = f.value & 255;
          updateProcessorPriority(page2);
          makeRequest(vcpu, VcpuRequest.event);
          return done;
        case 176:
          return "apic_set_eoi";
        case 768:
          page2.icrLow = f.value;
          sendIcr(m, cpu, vcpu);
          return void 0;
        case 800: {
          const enabled = (page2.svr & 256) !== 0;
          updateTimerLvt(m, vcpu, enabled ? f.value : f.value | lvtMasked);
          return done;
        }
        case 896:
          if (timerMode(page2) === TimerMode.tscDeadline) return done;
          cancelApicTimer(m, vcpu);
          page2.initialCount = f.value;
          call(m, cpu, startApicTimer);
          return void 0;
        case 992: {
          const before2 = timerDivisor(page2.divideConfiguration);
          page2.divideConfiguration = f.value & 11;
          const running = timerDivisor(page2.divideConfiguration) !== before2 && vcpu.lapicTimer.period > 0;
          if (running) call(m, cpu, updateDivideCount).before = before2;
          return running ? void 0 : done;
        }
        case 1008:
          sendSelf(m, cpu, vcpu, f.value & 255);
          return void 0;
      }
      if (f.offset === 240 && (f.value & 256) === 0) disableLvt(m, vcpu);
      storeWord(page2, f.offset, f.offset === 224 ? (f.value | 268435455) >>> 0 : f.value);
      return mapped.includes(f.offset) ? "kvm_recalculate_apic_map" : done;
    },
    { to: ["apic_set_eoi", "kvm_recalculate_apic_map"] }
  ),
  glue18("written", () => done),
  stage27(
    "kvm_recalculate_apic_map",
    "recalculateApicMap",
    shared,
    (m, cpu) => {
      const vcpu = currentVcpu(m, cpu);
      const vm = vmOf(m, vcpu);
      recalculateApicMap(m, vm);
      const before2 = vm.apicvInhibits & (ApicvInhibit.physicalIdAliased | ApicvInhibit.apicIdModified);
      const after = idInhibits(m, vm);
      if (after === before2) return done;
      const inhibit = call(m, cpu, kvmSetOrClearApicvInhibit);
      inhibit.vm = vcpu.vm;
      inhibit.set = (after & ~before2) !== 0 ? 1 : 0;
      inhibit.mask = inhibit.set === 1 ? after & ~before2 : before2 & ~after;
      return "inhibits-updated";
    },
    { to: ["inhibits-updated"] }
  ),
  glue18("inhibits-updated", () => done),
  stage27("apic_set_eoi", "apicSetEoi", shared, (m, cpu, f) => {
    const vcpu = currentVcpu(m, cpu);
    observe(m, KvmRecord.eoi, vcpu.id, Math.max(0, highestBit(vcpu.page.isr)));
    f.vector = endOfInterrupt2(vcpu.page);
    if (vcpu.apicvActive === 1) setSvi(vcpu.vmcs, Math.max(0, highestBit(vcpu.page.isr)));
    makeRequest(vcpu, VcpuRequest.event);
  }),
  glue18("kvm_ioapic_send_eoi", (m, cpu, f) => {
    if (f.vector >= 0) {
      const eoi = call(m, cpu, kvmIoapicSendEoi);
      eoi.vm = currentVcpu(m, cpu).vm;
      eoi.vector = f.vector;
    }
  })
]);
function readLapicRegister(vcpu, offset) {
  if (offset === 160) updateProcessorPriority(vcpu.page);
  return loadWord(vcpu.page, offset);
}

// src/kvm/emulate-msr.ts
var { program: program20, stage: stage28 } = kvm;
var ICR = 2096;
var SELF_IPI = 2111;
var writableRegisters = [
  8,
  11,
  15,
  40,
  47,
  48,
  50,
  51,
  52,
  53,
  54,
  55,
  56,
  62,
  63
];
function isReservedIcr(machine, vcpu, low) {
  return vmOf(machine, vcpu).icrReservedFaults === 1 && (low & icrReservedLow) !== 0;
}
function x2apicWriteFaults(machine, vcpu) {
  const { msr, low, high } = vcpu.exit;
  if (vcpu.apicMode !== ApicMode.x2apic || !writableRegisters.includes(msr - 2048)) return true;
  if (msr === ICR) return isReservedIcr(machine, vcpu, low);
  return high !== 0 || msr === 2088 && low !== 0 || msr === SELF_IPI && low > 255;
}
var kvmEmulateWrmsr = program20("kvm_emulate_wrmsr", () => ({}), [
  stage28(
    "kvm_set_msr_common",
    "emulateWrmsr",
    shared,
    (m, cpu) => {
      const vcpu = currentVcpu(m, cpu);
      const { msr, low, high } = vcpu.exit;
      if (msr === tscDeadlineMsr) {
        if (timerMode(vcpu.page) !== TimerMode.tscDeadline) return void 0;
        cancel(m, vcpu.lapicTimer.hrtimer);
        vcpu.lapicTimer.deadline = addressOf([low, high]);
        call(m, cpu, startApicTimer);
        return void 0;
      }
      if (msr < 2048 || msr > 2303 || x2apicWriteFaults(m, vcpu)) return "kvm_inject_gp";
      if (msr === ICR) vcpu.page.icr64High = high;
      const write2 = call(m, cpu, kvmLapicRegWrite);
      write2.offset = msr - 2048 << 4;
      write2.value = low;
      return void 0;
    },
    { to: ["kvm_inject_gp"] }
  ),
  stage28("kvm_skip_emulated_instruction", "skipInstruction", shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    observe(m, KvmRecord.msrWrite, vcpu.exit.msr, vcpu.exit.low);
    skipInstruction(m, vcpu);
    return done;
  }),
  stage28("kvm_inject_gp", "injectException", shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    observe(m, KvmRecord.msrWriteFault, vcpu.exit.msr, vcpu.exit.low);
    kvmInjectGp(m, vcpu);
  })
]);
var kvmEmulateRdmsr = program20("kvm_emulate_rdmsr", () => ({}), [
  stage28(
    "kvm_get_msr_common",
    "emulateRdmsr",
    shared,
    (m, cpu) => {
      const vcpu = currentVcpu(m, cpu);
      const { msr } = vcpu.exit;
      const readable2 = vcpu.apicMode === ApicMode.x2apic && readableRegisters.includes(msr - 2048);
      if (msr !== tscDeadlineMsr && !readable2) return "kvm_inject_gp";
      if (msr === 2105) {
        readClock(m);
        return "apic_get_tmcct";
      }
      const deadline = timerMode(vcpu.page) === TimerMode.tscDeadline ? vcpu.lapicTimer.deadline : 0;
      const value = msr === tscDeadlineMsr ? toU64(deadline)[0] : readLapicRegister(vcpu, msr - 2048 << 4);
      observe(m, KvmRecord.msrRead, msr, value);
      skipInstruction(m, vcpu, value);
      return done;
    },
    { to: ["kvm_inject_gp", "apic_get_tmcct"] }
  ),
  stage28("apic_get_tmcct", "ktimeGet", shared, (m, cpu, _f, now) => {
    const vcpu = currentVcpu(m, cpu);
    const value = currentTimerCount(m, vcpu, now);
    observe(m, KvmRecord.msrRead, vcpu.exit.msr, value);
    skipInstruction(m, vcpu, value);
    return done;
  }),
  stage28("kvm_inject_gp", "injectException", shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    observe(m, KvmRecord.msrReadFault, vcpu.exit.msr, 0);
    kvmInjectGp(m, vcpu);
  })
]);

// src/kvm/exits.ts
var { program: program21, stage: stage29, glue: glue19 } = kvm;
var handleApicWrite = program21("handle_apic_write", () => ({}), [
  stage29("kvm_apic_write_nodecode", "apicWriteNodecode", local, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    const write2 = call(m, cpu, kvmLapicRegWrite);
    write2.offset = vcpu.exit.qualification & 4080;
    write2.value = loadWord(vcpu.page, write2.offset);
  })
]);
var emulateApicAccess = program21("x86_emulate_instruction", () => ({}), [
  stage29("decode", "emulatorDecode", local, () => {
  }),
  stage29(
    "apic_mmio",
    "apicMmio",
    shared,
    (m, cpu) => {
      const vcpu = currentVcpu(m, cpu);
      const { access: access2, offset, low } = vcpu.exit;
      if (access2 === 1 && offset === 912) {
        readClock(m);
        return "apic_get_tmcct";
      }
      if (access2 === 1) {
        skipInstruction(m, vcpu, readLapicRegister(vcpu, offset));
        return done;
      }
      skipInstruction(m, vcpu);
      const write2 = call(m, cpu, kvmLapicRegWrite);
      write2.offset = offset;
      write2.value = low;
      return void 0;
    },
    { to: ["apic_get_tmcct"] }
  ),
  glue19("emulated", () => done),
  stage29("apic_get_tmcct", "ktimeGet", shared, (m, cpu, _f, now) => {
    const vcpu = currentVcpu(m, cpu);
    skipInstruction(m, vcpu, currentTimerCount(m, vcpu, now));
  })
]);
var linearWriteOfEoi = 4272;
var handleApicAccess = program21("handle_apic_access", () => ({}), [
  stage29("fasteoi", "apicAccessDispatch", local, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    if (vcpu.exit.qualification === linearWriteOfEoi) {
      skipInstruction(m, vcpu);
      call(m, cpu, kvmLapicRegWrite).offset = 176;
    } else {
      call(m, cpu, emulateApicAccess);
    }
  }),
  glue19("emulated", () => done)
]);
var handleEptViolation = program21("handle_ept_violation", () => ({}), [
  stage29(
    "kvm_mmu_faultin_pfn",
    "eptFaultin",
    shared,
    (m, cpu) => {
      const { vm } = currentVcpu(m, cpu);
      const { flexpriority, hidesApicPage, apicvInhibits } = m.vms[vm];
      if (flexpriority === 0 || hidesApicPage === 0 || apicvInhibits === 0) return "mmu_set_spte";
      call(m, cpu, emulateApicAccess);
      return void 0;
    },
    { to: ["mmu_set_spte"] }
  ),
  glue19("emulated", () => done),
  stage29("mmu_set_spte", "eptViolation", shared, (m, cpu) => {
    const { vm } = currentVcpu(m, cpu);
    const { flexpriority } = m.vms[vm];
    m.apicPageMapping[vm] = flexpriority === 1 ? ApicPageMapping.accessPage : ApicPageMapping.misconfigured;
  })
]);
var handleEptMisconfig = program21("handle_ept_misconfig", () => ({}), [
  stage29("kvm_io_bus_write-fast_mmio", "fastMmio", local, () => {
  }),
  stage29("handle_mmio_page_fault", "eptMisconfig", local, (m, cpu) => {
    call(m, cpu, emulateApicAccess);
  })
]);
var handleExternalInterrupt = program21("handle_external_interrupt", () => ({}), [
  stage29("count", "handleExternalInterrupt", local, () => {
  })
]);
var handleExceptionNmi = program21("handle_exception_nmi", () => ({}), [
  stage29("count", "handleExternalInterrupt", local, () => {
  })
]);
var handleInterruptWindow = program21("handle_interrupt_window", () => ({}), [
  stage29("clear-window", "handleWindow", shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    vcpu.vmcs.primaryControls = (vcpu.vmcs.primaryControls & ~Primary.interruptWindowExiting) >>> 0;
    makeRequest(vcpu, VcpuRequest.event);
  })
]);
var handleNmiWindow = program21("handle_nmi_window", () => ({}), [
  stage29("clear-window", "handleWindow", shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    vcpu.vmcs.primaryControls = (vcpu.vmcs.primaryControls & ~Primary.nmiWindowExiting) >>> 0;
    makeRequest(vcpu, VcpuRequest.event);
  })
]);
var handleTprBelowThreshold = program21("handle_tpr_below_threshold", () => ({}), [
  stage29("kvm_apic_update_ppr", "handleWindow", shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    updateProcessorPriority(vcpu.page);
    makeRequest(vcpu, VcpuRequest.event);
  })
]);
var handleApicEoiInduced = program21("handle_apic_eoi_induced", () => ({}), [
  stage29("kvm_apic_set_eoi_accelerated", "eoiInduced", shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    const vector2 = vcpu.exit.qualification & 255;
    observe(m, KvmRecord.eoi, vcpu.id, vector2);
    const eoi = call(m, cpu, kvmIoapicSendEoi);
    eoi.vm = vcpu.vm;
    eoi.vector = vector2;
  }),
  stage29("kvm_make_request", "makeRequest", shared, (m, cpu) => {
    makeRequest(currentVcpu(m, cpu), VcpuRequest.event);
  })
]);
var kvmEmulateHalt = program21("kvm_emulate_halt", () => ({}), [
  stage29(
    "__kvm_emulate_halt",
    "emulateHalt",
    shared,
    (m, cpu) => {
      emulateHalt(m, currentVcpu(m, cpu));
    },
    { line: (m, cpu) => currentVcpu(m, cpu).descriptorLine }
  )
]);
var kvmEmulateCpuid = program21("kvm_emulate_cpuid", () => ({}), [
  stage29("kvm_cpuid", "emulateCpuid", shared, (m, cpu) => {
    skipInstruction(m, currentVcpu(m, cpu));
  })
]);
var noSuchCall = 4294966296;
var kvmEmulateHypercall = program21("kvm_emulate_hypercall", () => ({}), [
  stage29("dispatch", "emulateHypercall", shared, (m, cpu) => {
    skipInstruction(m, currentVcpu(m, cpu), noSuchCall);
  })
]);
var handleCr = program21("handle_cr", () => ({}), [
  stage29("cr8", "emulateCr8", shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    if ((vcpu.exit.qualification & 16) !== 0) {
      skipInstruction(m, vcpu, vcpu.page.tpr >>> 4);
      return;
    }
    if (vcpu.exit.low > 15) {
      kvmInjectGp(m, vcpu);
      return;
    }
    vcpu.page.tpr = vcpu.exit.low << 4;
    updateProcessorPriority(vcpu.page);
    makeRequest(vcpu, VcpuRequest.event);
    skipInstruction(m, vcpu);
  })
]);
var kvmEmulateAsNop = program21("kvm_emulate_as_nop", () => ({}), [
  stage29("kvm_skip_emulated_instruction", "skipInstruction", shared, (m, cpu) => {
    skipInstruction(m, currentVcpu(m, cpu));
  })
]);
var handlePreemptionTimer = program21("handle_preemption_timer", () => ({}), [
  stage29("kvm_lapic_expired_hv_timer", "handlePreemptionTimer", local, (m, cpu) => {
    call(m, cpu, kvmLapicExpiredHvTimer).target = cpu.vcpu;
  })
]);
var table = [
  [ExitReason.ExceptionNmi, handleExceptionNmi],
  [ExitReason.ExternalInterrupt, handleExternalInterrupt],
  [ExitReason.InterruptWindow, handleInterruptWindow],
  [ExitReason.NmiWindow, handleNmiWindow],
  [ExitReason.Cpuid, kvmEmulateCpuid],
  [ExitReason.Hlt, kvmEmulateHalt],
  [ExitReason.Vmcall, kvmEmulateHypercall],
  [ExitReason.CrAccess, handleCr],
  [ExitReason.MsrRead, kvmEmulateRdmsr],
  [ExitReason.MsrWrite, kvmEmulateWrmsr],
  [ExitReason.MwaitInstruction, kvmEmulateAsNop],
  [ExitReason.PauseInstruction, kvmEmulateAsNop],
  [ExitReason.TprBelowThreshold, handleTprBelowThreshold],
  [ExitReason.ApicAccess, handleApicAccess],
  [ExitReason.EoiInduced, handleApicEoiInduced],
  [ExitReason.EptViolation, handleEptViolation],
  [ExitReason.EptMisconfig, handleEptMisconfig],
  [ExitReason.PreemptionTimer, handlePreemptionTimer],
  [ExitReason.ApicWrite, handleApicWrite]
];
var exitHandlers = table.map(([reason, routine]) => [
  reason,
  routine
]);
var handlers = [];
for (const [reason, routine] of exitHandlers) handlers[reason] = routine;
var vmxHandleExit = program21("vmx_handle_exit", () => ({}), [
  stage29("dispatch", "handleExitDispatch", local, (m, cpu) => {
    const { reason } = currentVcpu(m, cpu).exit;
    const handler = handlers[reason];
    if (handler === void 0) throw new InternalError("vmx_handle_exit", `exit reason ${reason} has no handler`);
    call(m, cpu, handler);
  }),
  glue19("done", () => done)
]);

// src/kvm/fastpath.ts
var { program: program22, stage: stage30, glue: glue20 } = kvm;
var notSimple = 790272;
var handleFastpathSetX2apicIcrIrqoff = program22("handle_fastpath_set_x2apic_icr_irqoff", () => ({}), [
  stage30("check", "icrFastpathCheck", local, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    const { low, high } = vcpu.exit;
    if (vcpu.apicMode !== ApicMode.x2apic || (low & notSimple) !== 0 || isReservedIcr(m, vcpu, low) || high === 4294967295) {
      return Fastpath.none;
    }
    const send2 = call(m, cpu, kvmApicSendIpi);
    send2.vm = vcpu.vm;
    send2.source = vcpu.id;
    send2.low = (low & ~4096) >>> 0;
    send2.destination = high;
    return void 0;
  }),
  // The value is stored as any other write would be, and the instruction is skipped.
  stage30("kvm_skip_emulated_instruction", "skipInstruction", shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    vcpu.page.icrLow = (vcpu.exit.low & ~4096) >>> 0;
    vcpu.page.icr64High = vcpu.exit.high;
    observe(m, KvmRecord.msrWrite, vcpu.exit.msr, vcpu.exit.low);
    skipInstruction(m, vcpu);
    return Fastpath.reenterGuest;
  })
]);
var handleFastpathSetTscdeadline = program22("handle_fastpath_set_tscdeadline", () => ({}), [
  stage30("kvm_set_lapic_tscdeadline_msr", "tscDeadlineFastpath", shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    if (!canUseHvTimer(m, vcpu)) return Fastpath.none;
    if (timerMode(vcpu.page) !== TimerMode.tscDeadline) return void 0;
    cancel(m, vcpu.lapicTimer.hrtimer);
    vcpu.lapicTimer.deadline = addressOf([vcpu.exit.low, vcpu.exit.high]);
    call(m, cpu, startApicTimer);
    return void 0;
  }),
  stage30("kvm_skip_emulated_instruction", "skipInstruction", shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    observe(m, KvmRecord.msrWrite, vcpu.exit.msr, vcpu.exit.low);
    skipInstruction(m, vcpu);
    return Fastpath.reenterGuest;
  })
]);
var handleFastpathPreemptionTimer = program22("handle_fastpath_preemption_timer", () => ({}), [
  glue20("kvm_lapic_expired_hv_timer", (m, cpu) => {
    call(m, cpu, kvmLapicExpiredHvTimer).target = cpu.vcpu;
  }),
  glue20("reenter", () => Fastpath.reenterGuest)
]);
var handleFastpathHlt = program22("handle_fastpath_hlt", () => ({}), [
  stage30(
    "kvm_emulate_halt",
    "emulateHalt",
    shared,
    (m, cpu) => {
      const vcpu = currentVcpu(m, cpu);
      emulateHalt(m, vcpu);
      return vcpu.mpState === MpState.runnable ? Fastpath.reenterGuest : Fastpath.exitHandled;
    },
    { line: (m, cpu) => currentVcpu(m, cpu).descriptorLine }
  )
]);
var vmxExitHandlersFastpath = program22("vmx_exit_handlers_fastpath", () => ({}), [
  stage30("dispatch", "fastpathDispatch", local, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    const vm = vmOf(m, vcpu);
    const { reason, msr } = vcpu.exit;
    if (reason === ExitReason.MsrWrite && msr === 2096 && vm.icrFastpath === 1) {
      call(m, cpu, handleFastpathSetX2apicIcrIrqoff);
    } else if (reason === ExitReason.MsrWrite && msr === tscDeadlineMsr && vm.tscDeadlineFastpath === 1) {
      call(m, cpu, handleFastpathSetTscdeadline);
    } else if (reason === ExitReason.PreemptionTimer && vm.preemptionTimerFastpath === 1) {
      call(m, cpu, handleFastpathPreemptionTimer);
    } else if (reason === ExitReason.Hlt && vm.hltFastpath === 1) {
      call(m, cpu, handleFastpathHlt);
    } else {
      return Fastpath.none;
    }
    return void 0;
  }),
  glue20("completion", (_m, _cpu, _f, completion) => completion)
]);

// src/kvm/accept-events.ts
var { program: program23, stage: stage31 } = kvm;
function reset(machine, vcpu) {
  const { id: id2, ldr, version } = vcpu.page;
  const x2apic = vcpu.apicMode === ApicMode.x2apic;
  vcpu.page = { ...resetRegisters(), id: id2, version, ldr: x2apic ? ldr : 0 };
  const descriptor = descriptorOf(machine, vcpu);
  descriptor.pir = emptyBits256();
  descriptor.on = 0;
  vcpu.vmcs.guestInterruptStatus = 0;
  vcpu.irrPending = vcpu.apicvActive;
  vcpu.nmiQueued = 0;
  vcpu.nmiPending = 0;
  vcpu.injected = 0;
  vcpu.exception = 0;
  vcpu.entryInterruption = 0;
  vcpu.interruptFlag = 0;
  vcpu.interruptibility = 0;
  vcpu.activity = 0;
  const guest2 = machine.threads[vcpu.thread];
  while (guest2.length > 0) guest2.pop();
  observe(machine, KvmRecord.reset, vcpu.id);
  recalculateApicMap(machine, vmOf(machine, vcpu));
}
var startUpHandler = 256;
var kvmApicAcceptEvents = program23("kvm_apic_accept_events", () => ({}), [
  stage31(
    "init",
    "acceptEvents",
    shared,
    (m, cpu) => {
      const vcpu = currentVcpu(m, cpu);
      if (vcpu.pendingEvents === 0) return vcpu.mpState === MpState.runnable ? 0 : "state";
      if ((vcpu.pendingEvents & PendingEvent.init) !== 0) {
        vcpu.pendingEvents &= ~PendingEvent.init;
        reset(m, vcpu);
        vcpu.mpState = vcpu.vcpuId === 0 ? MpState.runnable : MpState.initReceived;
      }
      return void 0;
    },
    { to: ["state"], line: (m, cpu) => currentVcpu(m, cpu).modeLine }
  ),
  stage31(
    "sipi",
    "acceptEvents",
    shared,
    (m, cpu) => {
      const vcpu = currentVcpu(m, cpu);
      if ((vcpu.pendingEvents & PendingEvent.sipi) === 0) return;
      vcpu.pendingEvents &= ~PendingEvent.sipi;
      if (vcpu.mpState !== MpState.initReceived) return;
      vcpu.mpState = MpState.runnable;
      interruptAt(m.threads[vcpu.thread], handlerOf(vcpu.guestInterrupts, startUpHandler));
    },
    { line: (m, cpu) => currentVcpu(m, cpu).modeLine }
  ),
  stage31("state", "acceptEvents", shared, (m, cpu) => {
    const { mpState } = currentVcpu(m, cpu);
    return mpState === MpState.runnable ? done : 1;
  })
]);

// src/kvm/halt-poll.ts
function grow(window, { haltPollGrow, haltPollGrowStart }) {
  return haltPollGrow === 0 ? window : Math.max(Math.round(window * haltPollGrow), haltPollGrowStart);
}
function shrink(window, { haltPollShrink, haltPollGrowStart }) {
  const smaller = haltPollShrink === 0 ? 0 : Math.floor(window / haltPollShrink);
  return smaller < haltPollGrowStart ? 0 : smaller;
}
function adjustHaltPoll(window, halted, parameters) {
  const { haltPollMax } = parameters;
  if (haltPollMax === 0) return 0;
  if (halted <= window) return window;
  if (window > 0 && halted > haltPollMax) return shrink(window, parameters);
  if (window < haltPollMax && halted < haltPollMax) return grow(window, parameters);
  return window;
}

// src/kvm/halt.ts
var { program: program24, stage: stage32, glue: glue21, until: until4 } = kvm;
function line3(machine, processor2) {
  return currentVcpu(machine, processor2).descriptorLine;
}
function checkBlock(machine, vcpu) {
  return isRunnable(machine, vcpu) || vcpu.lapicTimer.pending > 0 || vcpu.signalPending === 1 || (vcpu.requests & VcpuRequest.unblock) !== 0;
}
function othersWait(machine, processor2) {
  const { queue, needResched } = runQueueOf(machine, processor2.id);
  return queue.length > 0 || needResched === 1;
}
var kvmVcpuBlock = program24("kvm_vcpu_block", () => ({ slept: 0 }), [
  stage32(
    "prepare_to_rcuwait",
    "rcuwaitPrepare",
    shared,
    (m, cpu) => {
      currentVcpu(m, cpu).waiter = 1;
    },
    { line: (m, cpu) => currentVcpu(m, cpu).modeLine }
  ),
  stage32("set_current_state", "setCurrentState", shared, (m, cpu) => {
    currentTask(m, cpu.id).state = TaskState.interruptible;
    fence(m, cpu);
  }),
  stage32(
    "kvm_vcpu_check_block",
    "checkBlock",
    shared,
    (m, cpu) => checkBlock(m, currentVcpu(m, cpu)) ? "finish_rcuwait" : void 0,
    { line: line3, to: ["finish_rcuwait"] }
  ),
  glue21("schedule", (m, cpu, f) => {
    f.slept = 1;
    call(m, cpu, schedule);
  }),
  glue21("again", () => "set_current_state", { to: ["set_current_state"] }),
  stage32(
    "finish_rcuwait",
    "rcuwaitFinish",
    shared,
    (m, cpu) => {
      currentTask(m, cpu.id).state = TaskState.running;
      currentVcpu(m, cpu).waiter = 0;
    },
    { line: (m, cpu) => currentVcpu(m, cpu).modeLine }
  ),
  glue21("slept", (_m, _cpu, f) => f.slept)
]);
var kvmVcpuHalt = program24("kvm_vcpu_halt", () => ({ start: 0, polled: 0, slept: 0, end: 0 }), [
  stage32("ktime_get", "ktimeGet", shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    vcpu.haltPoll = Math.min(vcpu.haltPoll, vmOf(m, vcpu).haltPollMax);
    observe(m, KvmRecord.halt, vcpu.id, 1);
    readClock(m);
  }),
  glue21("start", (_m, _cpu, f, now) => {
    f.start = now;
  }),
  stage32(
    "begin-poll",
    "haltPollBegin",
    shared,
    (m, cpu, f) => {
      const vcpu = currentVcpu(m, cpu);
      if (vcpu.haltPoll === 0) return "kvm_vcpu_block";
      f.polled = 1;
      observe(m, KvmRecord.haltPoll, vcpu.id, 1);
      arm(m, vcpu.pollTimer, vcpu.haltPoll, vcpu.channel);
      return void 0;
    },
    { to: ["kvm_vcpu_block"] }
  ),
  until4(
    "poll",
    "haltPollIteration",
    (m, cpu) => {
      const vcpu = currentVcpu(m, cpu);
      return checkBlock(m, vcpu) || expired(m, vcpu.pollTimer) || othersWait(m, cpu);
    },
    { channel: (m, cpu) => currentVcpu(m, cpu).channel, line: line3 }
  ),
  stage32(
    "end-poll",
    "haltPollEnd",
    shared,
    (m, cpu) => {
      const vcpu = currentVcpu(m, cpu);
      cancel(m, vcpu.pollTimer);
      observe(m, KvmRecord.haltPoll, vcpu.id, 0);
      return checkBlock(m, vcpu) ? "ktime_get-end" : void 0;
    },
    { to: ["ktime_get-end"], line: line3 }
  ),
  glue21("kvm_vcpu_block", (m, cpu) => {
    call(m, cpu, kvmVcpuBlock);
  }),
  glue21("blocked", (_m, _cpu, f, slept) => {
    f.slept = slept;
  }),
  stage32("ktime_get-end", "ktimeGet", shared, (m) => {
    readClock(m);
  }),
  stage32("adjust", "haltPollAdjust", shared, (m, cpu, f, now) => {
    const vcpu = currentVcpu(m, cpu);
    vcpu.haltPoll = adjustHaltPoll(vcpu.haltPoll, now - f.start, vmOf(m, vcpu));
    observe(m, KvmRecord.halt, vcpu.id, 0);
    observe(m, KvmRecord.wakeup, vcpu.id, f.slept);
  })
]);
var vcpuBlock = program24("vcpu_block", () => ({ hvTimer: 0 }), [
  stage32(
    "kvm_arch_vcpu_runnable",
    "checkBlock",
    shared,
    (m, cpu) => isRunnable(m, currentVcpu(m, cpu)) ? "awake" : void 0,
    { to: ["awake"], line: line3 }
  ),
  stage32("kvm_lapic_switch_to_sw_timer", "lapicTimerSwitch", shared, (m, cpu, f) => {
    f.hvTimer = currentVcpu(m, cpu).lapicTimer.hvInUse;
    if (f.hvTimer === 1) call(m, cpu, startSwTimer);
  }),
  glue21("kvm_vcpu_halt", (m, cpu) => {
    call(m, cpu, kvmVcpuHalt);
  }),
  stage32("kvm_lapic_switch_to_hv_timer", "lapicTimerSwitch", shared, (m, cpu, f) => {
    if (f.hvTimer === 1) call(m, cpu, restartApicTimer);
  }),
  stage32("runnable", "checkBlock", shared, (m, cpu) => isRunnable(m, currentVcpu(m, cpu)) ? void 0 : done, {
    line: line3
  }),
  glue21("awake", (m, cpu) => {
    call(m, cpu, kvmApicAcceptEvents);
  }),
  stage32("set-runnable", "mpStateWrite", local, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    vcpu.pvUnhalted = 0;
    if (vcpu.mpState === MpState.halted) vcpu.mpState = MpState.runnable;
  })
]);

// src/kvm/pause.ts
var { program: program25, stage: stage33, glue: glue22 } = kvm;
var qemuWaitIoEvent = program25("qemu_wait_io_event", () => ({}), [
  stage33("stop", "userspaceExit", shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    if (vcpu.signalPending === 0) {
      vcpu.stopped = 0;
      return done;
    }
    vcpu.stopped = 1;
    currentTask(m, cpu.id).state = TaskState.interruptible;
    call(m, cpu, schedule);
    return void 0;
  }),
  glue22("again", () => "stop", { to: ["stop"] })
]);
var pauseAllVcpus = program25("pause_all_vcpus", () => ({ vm: 0, next: 0 }), [
  stage33("qemu_cpu_kick", "makeRequest", shared, (m, cpu, f) => {
    const target = m.vms[f.vm].vcpus[f.next++];
    if (target === void 0) return done;
    const vcpu = vcpuOf(m, target);
    fence(m, cpu);
    vcpu.signalPending = 1;
    notify(m, vcpu.channel);
    call(m, cpu, kvmVcpuKick).target = target;
    return void 0;
  }),
  glue22("next", () => "qemu_cpu_kick", { to: ["qemu_cpu_kick"] })
]);

// src/kvm/inject.ts
var { program: program26, stage: stage34, glue: glue23 } = kvm;
var externalInterrupt2 = 2147483648;
var nmi2 = 2147484162;
function enableIrqWindow(vcpu) {
  vcpu.vmcs.primaryControls = (vcpu.vmcs.primaryControls | Primary.interruptWindowExiting) >>> 0;
}
function enableNmiWindow(vcpu) {
  vcpu.vmcs.primaryControls = (vcpu.vmcs.primaryControls | Primary.nmiWindowExiting) >>> 0;
}
function injectable(vcpu) {
  if (vcpu.apicvActive === 1 || vcpu.irrPending === 0) return -1;
  updateProcessorPriority(vcpu.page);
  return dispensableInterrupt(vcpu.page);
}
function tprThreshold(vcpu) {
  const highest = highestBit(vcpu.page.irr);
  if (highest < 0) return 0;
  return vcpu.page.tpr >>> 4 < highest >> 4 ? 0 : highest >> 4;
}
var kvmCheckAndInjectEvents = program26("kvm_check_and_inject_events", () => ({}), [
  glue23("kvm_apic_accept_events", (m, cpu) => {
    call(m, cpu, kvmApicAcceptEvents);
  }),
  glue23("runnable", (_m, _cpu, _f, stopped) => stopped === 1 ? 1 : void 0),
  stage34("reinject", "injectEvent", local, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    vcpu.entryInterruption = vcpu.injected;
  }),
  glue23("exception", (m, cpu) => currentVcpu(m, cpu).exception === 0 ? "nmi" : void 0, { to: ["nmi"] }),
  // Before everything else, because it belongs to the instruction that has executed; unless an event is still to be delivered again.
  stage34("kvm_inject_exception", "injectEvent", local, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    if (vcpu.injected !== 0) return;
    vcpu.injected = vcpu.exception;
    vcpu.entryInterruption = vcpu.exception;
    vcpu.exception = 0;
  }),
  stage34("nmi", "injectEvent", local, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    if (vcpu.nmiPending === 0) return;
    if (vcpu.injected === 0 && nmiAllowed(vcpu)) {
      vcpu.nmiPending--;
      vcpu.injected = nmi2;
      vcpu.entryInterruption = nmi2;
    }
    if (vcpu.nmiPending > 0) enableNmiWindow(vcpu);
  }),
  stage34(
    "interrupt",
    "injectEvent",
    shared,
    (m, cpu) => {
      const vcpu = currentVcpu(m, cpu);
      if (injectable(vcpu) < 0) return;
      if (vcpu.injected !== 0 || !interruptAllowed(vcpu)) {
        enableIrqWindow(vcpu);
        return;
      }
      vcpu.injected = externalInterrupt2 + acknowledgeInterrupt(vcpu.page) >>> 0;
      vcpu.entryInterruption = vcpu.injected;
      vcpu.irrPending = highestBit(vcpu.page.irr) >= 0 ? 1 : 0;
      if (injectable(vcpu) >= 0) enableIrqWindow(vcpu);
    },
    { line: (m, cpu) => currentVcpu(m, cpu).descriptorLine }
  ),
  stage34("update_cr8_intercept", "cr8Intercept", local, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    const needed = vcpu.apicvActive === 0 && hasPrimary(vcpu.vmcs, Primary.useTprShadow);
    vcpu.vmcs.tprThreshold = needed ? tprThreshold(vcpu) : 0;
    return done;
  })
]);

// src/kvm/requests.ts
var { program: program27, stage: stage35, glue: glue24 } = kvm;
function take(machine, processor2, request) {
  const vcpu = currentVcpu(machine, processor2);
  if ((vcpu.requests & request) === 0) return false;
  fence(machine, processor2);
  vcpu.requests &= ~request;
  return true;
}
function serve(machine, processor2) {
  const vcpu = currentVcpu(machine, processor2);
  if (take(machine, processor2, VcpuRequest.migrateTimer)) {
    call(machine, processor2, kvmMigrateApicTimer);
    return "serve";
  }
  if (take(machine, processor2, VcpuRequest.apicvUpdate)) {
    call(machine, processor2, kvmVcpuUpdateApicv);
    return "serve";
  }
  if (take(machine, processor2, VcpuRequest.nmi)) {
    vcpu.nmiPending = Math.min(vcpu.nmiPending + vcpu.nmiQueued, (vcpu.interruptibility & 8) !== 0 ? 1 : 2);
    vcpu.nmiQueued = 0;
    vcpu.requests |= VcpuRequest.event;
    return "serve";
  }
  if (take(machine, processor2, VcpuRequest.smi)) return "serve";
  if (take(machine, processor2, VcpuRequest.scanIoapic)) {
    vcpu.requests |= VcpuRequest.loadEoiExitmap;
    return "serve";
  }
  if (take(machine, processor2, VcpuRequest.loadEoiExitmap)) {
    loadEoiExitmap(machine, vcpu);
    return "serve";
  }
  return "KVM_REQ_EVENT";
}
var kvmCheckRequests = program27("kvm_check_requests", () => ({}), [
  stage35("serve", "serveRequest", shared, serve, {
    to: ["serve", "KVM_REQ_EVENT"],
    line: (m, cpu) => currentVcpu(m, cpu).modeLine
  }),
  stage35("KVM_REQ_EVENT", "serveRequest", shared, (m, cpu) => {
    if (!take(m, cpu, VcpuRequest.event)) return done;
    call(m, cpu, kvmCheckAndInjectEvents);
    return void 0;
  }),
  glue24("stopped", (_m, _cpu, _f, stopped) => stopped)
]);

// src/kvm/sync-pir-to-irr.ts
var { program: program28, stage: stage36 } = kvm;
function line4(machine, processor2) {
  return currentVcpu(machine, processor2).descriptorLine;
}
var vmxSyncPirToIrr = program28("vmx_sync_pir_to_irr", () => ({ highest: -1, fresh: 0 }), [
  stage36(
    "read-on",
    "pirSyncRead",
    shared,
    (m, cpu) => descriptorOf(m, currentVcpu(m, cpu)).on === 0 ? "set-rvi" : void 0,
    { to: ["set-rvi"], line: line4 }
  ),
  stage36(
    "clear-on",
    "kvmOnUpdate",
    shared,
    (m, cpu) => {
      fence(m, cpu);
      descriptorOf(m, currentVcpu(m, cpu)).on = 0;
    },
    { line: line4 }
  ),
  stage36(
    "take-pir",
    "pirSyncTake",
    shared,
    (m, cpu, f) => {
      const vcpu = currentVcpu(m, cpu);
      const { pir } = descriptorOf(m, vcpu);
      const { irr } = vcpu.page;
      const taken = highestBit(pir);
      f.fresh = taken >= 0 && taken > highestBit(irr) ? 1 : 0;
      for (let word = 0; word < 8; word++) {
        irr[word] = (irr[word] | pir[word]) >>> 0;
        pir[word] = 0;
      }
      if (taken >= 0) vcpu.irrPending = 1;
    },
    { line: line4 }
  ),
  stage36("set-rvi", "rviWrite", shared, (m, cpu, f) => {
    const vcpu = currentVcpu(m, cpu);
    const highest = vcpu.irrPending === 1 ? highestBit(vcpu.page.irr) : -1;
    if (vcpu.apicvActive === 1) setRvi(vcpu.vmcs, highest < 0 ? 0 : highest);
    else if (f.fresh === 1) makeRequest(vcpu, VcpuRequest.event);
    return highest;
  })
]);

// src/kvm/run.ts
var { program: program29, stage: stage37, glue: glue25 } = kvm;
function modeLine(machine, processor2) {
  return currentVcpu(machine, processor2).modeLine;
}
function waitForDeadline(machine, processor2, early) {
  const vcpu = currentVcpu(machine, processor2);
  if (vmOf(machine, vcpu).timerWaitEarly !== early || !hasToWaitForDeadline(vcpu)) return;
  call(machine, processor2, kvmWaitLapicExpire).target = vcpu.id;
}
var vmxVcpuRun = program29("vmx_vcpu_run", () => ({}), [
  stage37("prepare", "vcpuRunPrepare", local, () => {
  }),
  glue25(
    "hv_timer_in_use",
    (m, cpu) => currentVcpu(m, cpu).lapicTimer.hvInUse === 1 ? void 0 : "kvm_wait_lapic_expire",
    { to: ["kvm_wait_lapic_expire"] }
  ),
  stage37("vmx_update_hv_timer", "hvTimerUpdate", shared, (m) => {
    readClock(m);
  }),
  glue25("vmx_set_preemption_timer_value", (m, cpu, _f, now) => {
    const vcpu = currentVcpu(m, cpu);
    const left2 = Math.max(0, vcpu.lapicTimer.deadline - vcpu.lapicTimer.advance - now);
    vcpu.preemptionTimerValue = Math.floor(left2 / 2 ** preemptionTimerShift);
  }),
  // Since 5.3 (commit b6c4bc659ccc) as late as it can be: what comes before it takes no time from the guest.
  glue25("kvm_wait_lapic_expire", (m, cpu) => waitForDeadline(m, cpu, 0)),
  glue25("vmx_l1d_should_flush", (m) => (m.mitigations & Mitigation.l1dFlush) === 0 ? "mds_user_clear" : void 0, {
    to: ["mds_user_clear"]
  }),
  stage37("vmx_l1d_flush", "l1dFlush", local, () => {
  }),
  glue25("mds_user_clear", (m) => (m.mitigations & Mitigation.mds) === 0 ? "vmenter" : void 0, { to: ["vmenter"] }),
  stage37("mds_clear_cpu_buffers", "verw", local, () => {
  }),
  glue25("vmenter", (m, cpu) => {
    call(m, cpu, vmEntry);
  }),
  glue25("spec_ctrl", (m) => (m.mitigations & Mitigation.ibrs) === 0 ? "read-exit-information" : void 0, {
    to: ["read-exit-information"]
  }),
  // The host's value comes back right after the exit; the guest's goes in with the entry, and is charged here, too.
  stage37("vmx_spec_ctrl_restore_host", "specCtrlPair", local, () => {
  }),
  stage37("read-exit-information", "vcpuRunFinish", local, (m, cpu) => {
    currentVcpu(m, cpu).injected = 0;
    call(m, cpu, vmxExitHandlersFastpath);
  }),
  glue25("completion", (_m, _cpu, _f, completion) => completion)
]);
var handleExternalInterruptIrqoff = program29("handle_external_interrupt_irqoff", () => ({}), [
  stage37("call-handler", "externalInterruptIrqoff", local, (m, cpu) => {
    const vector2 = currentVcpu(m, cpu).exit.interruptionInformation & 255;
    interruptAt(m.threads[cpu.thread], handlerOf(m.hostInterrupts, vector2));
  })
]);
var vcpuEnterGuest = program29("vcpu_enter_guest", () => ({ fastpath: 0 }), [
  stage37(
    "kvm_request_pending",
    "checkRequests",
    shared,
    (m, cpu) => {
      if (currentVcpu(m, cpu).requests === 0) return "prepare_switch_to_guest";
      call(m, cpu, kvmCheckRequests);
      return void 0;
    },
    { to: ["prepare_switch_to_guest"], line: modeLine }
  ),
  glue25("runnable", (_m, _cpu, _f, stopped) => stopped === 1 ? done : void 0),
  stage37("prepare_switch_to_guest", "prepareSwitchToGuest", local, () => {
  }),
  stage37("local_irq_disable", "irqDisable", shared, (_m, cpu) => {
    cpu.masked = 1;
  }),
  // From here a poster sends a notification, and the entry below looks at ON: in this order nothing is lost.
  stage37(
    "set-in-guest-mode",
    "vcpuModeWrite",
    shared,
    (m, cpu) => {
      store(m, cpu, vcpuMode, cpu.vcpu, VcpuMode.inGuestMode);
    },
    { line: modeLine }
  ),
  stage37("smp_mb__after_srcu_read_unlock", "memoryBarrier", shared, (m, cpu) => {
    fence(m, cpu);
  }),
  glue25("sync_pir_to_irr", (m, cpu) => {
    if (vmOf(m, currentVcpu(m, cpu)).apicv === 1) call(m, cpu, vmxSyncPirToIrr);
  }),
  stage37(
    "kvm_vcpu_exit_request",
    "exitRequestCheck",
    shared,
    (m, cpu, f) => {
      const vcpu = currentVcpu(m, cpu);
      const { needResched } = runQueueOf(m, cpu.id);
      if (vcpu.requests === 0 && vcpu.mode !== VcpuMode.exitingGuestMode && needResched === 0 && vcpu.signalPending === 0)
        return void 0;
      f.fastpath = Fastpath.exitHandled;
      if (vcpu.injected !== 0) {
        vcpu.entryInterruption = 0;
        makeRequest(vcpu, VcpuRequest.event);
      }
      return "set-outside-guest-mode-early";
    },
    { to: ["set-outside-guest-mode-early"], line: modeLine }
  ),
  // Before 5.3, a long way before the entry.
  glue25("wait_lapic_expire", (m, cpu) => waitForDeadline(m, cpu, 1)),
  glue25("vmx_vcpu_run", (m, cpu) => {
    call(m, cpu, vmxVcpuRun);
  }),
  glue25(
    "reenter",
    (_m, _cpu, f, completion) => {
      f.fastpath = completion;
      return completion === Fastpath.reenterGuest ? "sync_pir_to_irr" : void 0;
    },
    { to: ["sync_pir_to_irr"] }
  ),
  stage37(
    "set-outside-guest-mode",
    "vcpuModeWrite",
    shared,
    (m, cpu) => {
      store(m, cpu, vcpuMode, cpu.vcpu, VcpuMode.outsideGuestMode);
    },
    { line: modeLine }
  ),
  glue25("handle_exit_irqoff", (m, cpu, f) => {
    const { reason } = currentVcpu(m, cpu).exit;
    if (f.fastpath !== Fastpath.none) return;
    if (reason === ExitReason.ExternalInterrupt || reason === ExitReason.ExceptionNmi) {
      call(m, cpu, handleExternalInterruptIrqoff);
    }
  }),
  stage37("local_irq_enable", "irqEnable", shared, (m, cpu) => {
    fence(m, cpu);
    cpu.masked = 0;
    cpu.attention = 1;
  }),
  stage37("finish_switch_from_guest", "finishSwitchFromGuest", local, () => {
  }),
  glue25("handle_exit", (m, cpu, f) => {
    if (f.fastpath !== Fastpath.none) return done;
    call(m, cpu, vmxHandleExit);
    return void 0;
  }),
  glue25("exit-handled", () => done),
  // The guest was not entered: nothing of an exit is handled.
  stage37(
    "set-outside-guest-mode-early",
    "vcpuModeWrite",
    shared,
    (m, cpu) => {
      store(m, cpu, vcpuMode, cpu.vcpu, VcpuMode.outsideGuestMode);
    },
    { line: modeLine }
  ),
  stage37("cancel_injection", "irqEnable", shared, (m, cpu) => {
    fence(m, cpu);
    cpu.masked = 0;
    cpu.attention = 1;
  })
]);
var vcpuRun = program29("vcpu_run", () => ({}), [
  stage37("kvm_vcpu_running", "vcpuRunLoop", shared, (m, cpu) => {
    if (currentVcpu(m, cpu).mpState === MpState.runnable) call(m, cpu, vcpuEnterGuest);
    else call(m, cpu, vcpuBlock);
  }),
  stage37(
    "kvm_clear_request-unblock",
    "vcpuRunLoopEnd",
    shared,
    (m, cpu) => {
      const vcpu = currentVcpu(m, cpu);
      if ((vcpu.requests & VcpuRequest.unblock) !== 0) vcpu.requests &= ~VcpuRequest.unblock;
      if (vcpu.lapicTimer.pending > 0) call(m, cpu, kvmApicInjectPendingTimerIrqs).target = vcpu.id;
    },
    { line: modeLine }
  ),
  stage37("xfer_to_guest_mode_handle_work", "xferToGuestMode", shared, (m, cpu) => {
    if (currentVcpu(m, cpu).signalPending === 1) call(m, cpu, qemuWaitIoEvent);
    else if (runQueueOf(m, cpu.id).needResched === 1) call(m, cpu, schedule).preempt = 1;
  }),
  glue25("again", () => "kvm_vcpu_running", { to: ["kvm_vcpu_running"] })
]);
var sysvecKvmPostedIntrIpi = program29("sysvec_kvm_posted_intr_ipi", () => ({}), [
  stage37("eoi", "hostInterruptHandler", shared, (_m, cpu) => {
    physicalEoi(cpu);
  })
]);
var excNmi = program29("exc_nmi", () => ({}), [stage37("handle", "hostInterruptHandler", shared, () => {
})]);

// src/kvm/sched-notifiers.ts
var { program: program30, stage: stage38, glue: glue26 } = kvm;
var kvmSchedIn = program30("kvm_sched_in", () => ({}), [
  stage38(
    "vmx_vcpu_load_vmcs",
    "vcpuLoad",
    shared,
    (m, cpu) => {
      const vcpu = taskVcpu(m, cpu);
      cpu.vcpu = vcpu.id;
      return vcpu.cpu === cpu.id ? "vmx_vcpu_pi_load" : void 0;
    },
    { to: ["vmx_vcpu_pi_load"] }
  ),
  stage38("loaded_vmcs_clear", "vmcsMigrate", local, () => {
  }),
  glue26("vmx_vcpu_pi_load", (m, cpu) => {
    call(m, cpu, vmxVcpuPiLoad);
  }),
  glue26(
    "kvm_lapic_restart_hv_timer",
    (m, cpu) => {
      const vcpu = taskVcpu(m, cpu);
      if (vcpu.cpu === cpu.id) return "set-cpu";
      if (vcpu.cpu >= 0) makeRequest(vcpu, VcpuRequest.migrateTimer);
      if (vcpu.lapicTimer.hvInUse === 1) call(m, cpu, restartApicTimer);
      return void 0;
    },
    { to: ["set-cpu"] }
  ),
  glue26("restarted", () => void 0),
  stage38(
    "set-cpu",
    "vcpuLoadFinish",
    shared,
    (m, cpu) => {
      const vcpu = taskVcpu(m, cpu);
      vcpu.cpu = cpu.id;
      vcpu.loaded = 1;
      vcpu.channel = runQueueOf(m, cpu.id).channel;
      vcpu.preempted = 0;
    },
    { line: (m, cpu) => taskVcpu(m, cpu).modeLine }
  )
]);
var kvmSchedOut = program30("kvm_sched_out", () => ({}), [
  stage38("set-preempted", "vcpuPut", shared, (m, cpu) => {
    taskVcpu(m, cpu).preempted = currentTask(m, cpu.id).state === TaskState.running ? 1 : 0;
  }),
  glue26("vmx_vcpu_pi_put", (m, cpu) => {
    call(m, cpu, vmxVcpuPiPut);
  }),
  stage38("vmx_prepare_switch_to_host", "vcpuPutFinish", shared, (m, cpu) => {
    taskVcpu(m, cpu).loaded = 0;
    cpu.vcpu = -1;
  })
]);

// src/kvm/create-vm.ts
var tableBase = 8589934592;
var maxVcpuIds = 4096;
var ioapicPins = 24;
function addKvm(plan, fields) {
  const { machine } = plan;
  setHandler(machine.hostInterrupts, HostVector.postedInterrupt, sysvecKvmPostedIntrIpi.entry);
  setHandler(machine.hostInterrupts, HostVector.postedInterruptWakeup, piWakeupHandler.entry);
  setHandler(machine.hostInterrupts, 2, excNmi.entry);
  return Object.assign(plan, { machine: Object.assign(machine, fields) });
}
function createVm(plan, options) {
  const { machine } = plan;
  const number4 = machine.vms.length;
  const pidTableAddress = tableBase + number4 * 1048576;
  machine.vms.push({
    ...options,
    vcpus: [],
    apicMap: [],
    logicalMap: [],
    logicalMode: LogicalMode.disabled,
    ioapic: Array.from({ length: ioapicPins }, () => ({
      low: 65536,
      destination: 0,
      remoteIrr: 0,
      line: 0,
      resample: 0
    })),
    apicvInhibits: options.apicv === 1 ? 0 : ApicvInhibit.disabled,
    bypassCount: 0,
    pidTableAddress,
    maxVcpuIds
  });
  if (options.ipiVirtualization === 1) machine.memory.pidPointerTables.push({ address: pidTableAddress, entries: [] });
  machine.apicPageMapping.push(ApicPageMapping.notPresent);
  return number4;
}
function createVcpu(plan, vmNumber, options) {
  const { machine } = plan;
  const vm = machine.vms[vmNumber];
  const id2 = machine.vcpus.length;
  const vcpuId = vm.vcpus.length;
  const { apicMode } = options;
  const x2apic = apicMode === ApicMode.x2apic;
  const { descriptors, descriptorBase } = machine.memory;
  const descriptorAddress = descriptorBase + 64 * descriptors.length;
  descriptors.push({ ...emptyDescriptor(), nv: HostVector.postedInterrupt, sn: 1 });
  const table2 = machine.memory.pidPointerTables.find(({ address: address2 }) => address2 === vm.pidTableAddress);
  table2?.entries.push(descriptorAddress + 1);
  const choice = {
    apicMode,
    apicv: vm.apicv === 1 && apicMode !== ApicMode.disabled,
    flexpriority: vm.flexpriority === 1,
    tprShadow: vm.tprShadow === 1,
    ipiVirtualization: vm.ipiVirtualization === 1,
    hltInGuest: vm.hltInGuest === 1,
    mwaitInGuest: vm.mwaitInGuest === 1
  };
  const page2 = resetRegisters();
  page2.id = x2apic ? vcpuId : vcpuId << 24 >>> 0;
  page2.ldr = x2apic ? x2apicLdr(vcpuId) : options.ldr ?? 0;
  page2.dfr = options.dfr ?? 4294967295;
  page2.svr = 511;
  const thread2 = machine.threads.push([]) - 1;
  const preemptionTimer = addTimer(machine, { kind: TimerKind.preemption, owner: id2 });
  const vcpu = {
    id: id2,
    vm: vmNumber,
    vcpuId,
    thread: thread2,
    pid: id2,
    vmcs: initialVmcs(vm, choice, descriptorAddress),
    page: page2,
    recognized: 0,
    interruptFlag: 1,
    interruptibility: 0,
    activity: 0,
    msrBitmap: msrBitmapOf(choice),
    exit: {
      reason: 0,
      qualification: 0,
      interruptionInformation: 0,
      msr: 0,
      low: 0,
      high: 0,
      access: 0,
      offset: 0
    },
    descriptorLine: plan.lines++,
    channel: -1,
    guestInterrupts: [],
    entryInterruption: 0,
    preemptionTimer,
    preemptionTimerValue: 0,
    task: addTask(machine, vcpuRun, {
      allowed: options.allowed,
      owner: id2,
      schedIn: kvmSchedIn.entry,
      schedOut: kvmSchedOut.entry
    }),
    mode: VcpuMode.outsideGuestMode,
    requests: 0,
    cpu: -1,
    loaded: 0,
    preempted: 0,
    apicvActive: choice.apicv ? 1 : 0,
    mpState: options.offline === 1 ? MpState.uninitialized : MpState.runnable,
    waiter: 0,
    wakeupList: -1,
    irrPending: choice.apicv ? 1 : 0,
    pendingEvents: 0,
    sipiVector: 0,
    pvUnhalted: 0,
    nmiQueued: 0,
    nmiPending: 0,
    injected: 0,
    exception: 0,
    signalPending: 0,
    stopped: 0,
    apicMode,
    haltPoll: 0,
    pollTimer: addTimer(machine),
    lapicTimer: {
      hrtimer: addTimer(machine, {
        kind: TimerKind.localTimer,
        processor: options.allowed[0] ?? 0,
        vector: SystemVector.localTimer,
        owner: id2,
        handler: apicTimerFn.entry
      }),
      deadline: 0,
      period: 0,
      expires: 0,
      hvInUse: 0,
      pending: 0,
      advance: vm.timerAdvanceCycles,
      expiredDeadline: 0
    },
    modeLine: plan.lines++
  };
  machine.vcpus.push(vcpu);
  vm.vcpus.push(id2);
  recalculateApicMap(machine, vm);
  return vcpu;
}
function startGuest(machine, vcpu, routine) {
  return callOn(machine.threads[vcpu.thread], routine);
}

// src/host/sleep.ts
var { program: program31, stage: stage39, glue: glue27 } = host;
var hrtimerWakeup = program31("hrtimer_wakeup", () => ({ timer: 0 }), [
  glue27("wake_up_process", (m, cpu, f) => {
    call(m, cpu, tryToWakeUp).task = timerUse(m, f.timer).owner;
  })
]);
var nanosleep = program31("do_nanosleep", () => ({ timer: 0, cycles: 0 }), [
  stage39("hrtimer_start", "hrtimerStart", shared, (m, cpu, f) => {
    currentTask(m, cpu.id).state = TaskState.interruptible;
    timerUse(m, f.timer).processor = cpu.id;
    arm(m, f.timer, f.cycles);
  }),
  glue27("schedule", (m, cpu) => {
    call(m, cpu, schedule);
  })
]);

// src/kvm/vm-ioctl.ts
var { program: program32, stage: stage40, glue: glue28 } = kvm;
var inhibitThread = program32(
  "inhibit_thread",
  () => ({ vm: 0, mask: 0, timer: 0, delay: 0, duration: -1, set: 1 }),
  [
    glue28("sleep", (m, cpu, f) => {
      if (f.delay === 0) return;
      const sleep = call(m, cpu, nanosleep);
      sleep.timer = f.timer;
      sleep.cycles = f.delay;
    }),
    stage40("ioctl", "userspaceExit", shared, (m, cpu, f) => {
      const inhibit = call(m, cpu, kvmSetOrClearApicvInhibit);
      inhibit.vm = f.vm;
      inhibit.mask = f.mask;
      inhibit.set = f.set;
    }),
    glue28(
      "again",
      (_m, _cpu, f) => {
        if (f.set === 0 || f.duration < 0) return void 0;
        f.set = 0;
        f.delay = f.duration;
        return "sleep";
      },
      { to: ["sleep"] }
    ),
    stage40("exit", "userspaceExit", shared, (m, cpu) => {
      currentTask(m, cpu.id).state = TaskState.interruptible;
      call(m, cpu, schedule);
    }),
    glue28("exited", () => done)
  ]
);
function addInhibitThread(machine, vm, mask2, delay, duration) {
  const task = addTask(machine, inhibitThread);
  const timer2 = addTimer(machine, {
    kind: TimerKind.localTimer,
    vector: SystemVector.localTimer,
    owner: task,
    handler: hrtimerWakeup.entry
  });
  const frame2 = machine.threads[machine.tasks[task]?.thread ?? -1]?.[0];
  Object.assign(frame2?.locals ?? {}, { vm, mask: mask2, timer: timer2, delay, duration });
}

// src/guest/vmexit.ts
var { program: program33, stage: stage41, glue: glue29, until: until5 } = guest;
var testVector = 239;
var testIsr = program33("test_isr", () => ({}), [
  stage41("save-registers", "guestHandlerEntry", local, () => {
  }),
  stage41(
    "count",
    "guestStores",
    shared,
    (m, cpu) => {
      const memory = guestMemory(m, cpu);
      memory.handled = 1;
      notify(m, memory.handledChannel);
    },
    { line: guestLine }
  ),
  glue29("eoi", (m, cpu) => {
    apicEoi(m, cpu);
  }),
  stage41("iretq", "iret", shared, (m, cpu) => {
    iret(m, cpu);
  })
]);
var ipi = program33("ipi_body", () => ({ target: 0 }), [
  glue29("on_cpu", (m, cpu, f) => {
    call(m, cpu, onCpu).target = f.target;
  })
]);
var ipiHalt = program33("ipi_halt_body", () => ({ target: 0 }), [
  glue29("on_cpu", (m, cpu, f) => {
    call(m, cpu, onCpu).target = f.target;
  }),
  stage41("delay", "guestLoop", local, () => {
  }, { work: () => 2e3 })
]);
var clear = stage41("clear", "guestStores", shared, (m, cpu, _f) => {
  guestMemory(m, cpu).handled = 0;
});
var selfIpiStiNop = program33("self_ipi_sti_nop_body", () => ({ target: 0 }), [
  clear,
  stage41("cli", "guestFlag", shared, (m, cpu) => cli(m, cpu)),
  glue29("apic_self_ipi", (m, cpu) => apicSelfIpi(m, cpu, testVector)),
  stage41("sti", "guestFlag", shared, (m, cpu) => sti(m, cpu)),
  stage41("nop", "guestFlag", shared, () => {
  }),
  stage41("test", "guestLoads", shared, () => {
  })
]);
var selfIpiStiHlt = program33("self_ipi_sti_hlt_body", () => ({ target: 0 }), [
  clear,
  stage41("cli", "guestFlag", shared, (m, cpu) => cli(m, cpu)),
  glue29("apic_self_ipi", (m, cpu) => apicSelfIpi(m, cpu, testVector)),
  stage41("sti", "guestFlag", shared, (m, cpu) => sti(m, cpu)),
  glue29("hlt", (m, cpu) => {
    call(m, cpu, hlt2);
  }),
  stage41("test", "guestLoads", shared, () => {
  })
]);
var selfIpiTpr = program33("self_ipi_tpr_body", () => ({ target: 0 }), [
  clear,
  glue29("raise-tpr", (m, cpu) => {
    call(m, cpu, movToCr8Instruction).value = 15;
  }),
  glue29("apic_self_ipi", (m, cpu) => apicSelfIpi(m, cpu, testVector)),
  glue29("lower-tpr", (m, cpu) => {
    call(m, cpu, movToCr8Instruction).value = 0;
  }),
  stage41("nop", "guestFlag", shared, () => {
  }),
  stage41("test", "guestLoads", shared, () => {
  })
]);
var tscdeadlineImmed = program33("tscdeadline_immed_body", () => ({ target: 0 }), [
  clear,
  glue29("rdtsc", (m, cpu) => {
    call(m, cpu, rdtsc);
  }),
  glue29("wrmsr", (m, cpu, _f, now) => writeDeadline(m, cpu, now)),
  stage41("nop", "guestFlag", shared, () => {
  }),
  until5("wait", "guestSpinExit", (m, cpu) => guestMemory(m, cpu).handled === 1, {
    channel: (m, cpu) => guestMemory(m, cpu).handledChannel
  })
]);
var tscdeadline = program33("tscdeadline_body", () => ({ target: 0 }), [
  clear,
  glue29("rdtsc", (m, cpu) => {
    call(m, cpu, rdtsc);
  }),
  glue29("wrmsr", (m, cpu, _f, now) => writeDeadline(m, cpu, now + 3e3)),
  until5("wait", "guestSpinExit", (m, cpu) => guestMemory(m, cpu).handled === 1, {
    channel: (m, cpu) => guestMemory(m, cpu).handledChannel
  })
]);
function writeDeadline(machine, processor2, deadline) {
  const write2 = call(machine, processor2, wrmsr);
  write2.msr = 1760;
  write2.low = deadline >>> 0;
  write2.high = Math.floor(deadline / 2 ** 32);
}
var cpuidBody = program33("cpuid_body", () => ({ target: 0 }), [
  glue29("cpuid", (m, cpu) => {
    call(m, cpu, cpuid);
  })
]);
var vmcallBody = program33("vmcall_body", () => ({ target: 0 }), [
  glue29("vmcall", (m, cpu) => {
    call(m, cpu, vmcall).number = 4294967295;
  })
]);
var movToCr8Body = program33("mov_to_cr8_body", () => ({ target: 0 }), [
  glue29("mov", (m, cpu) => {
    call(m, cpu, movToCr8Instruction).value = 0;
  })
]);
var movFromCr8Body = program33("mov_from_cr8_body", () => ({ target: 0 }), [
  glue29("mov", (m, cpu) => {
    call(m, cpu, movFromCr8Instruction);
  })
]);
var vmexitTests = {
  ipi: { body: ipi, usesTarget: true },
  ipi_halt: { body: ipiHalt, usesTarget: true },
  self_ipi_sti_nop: { body: selfIpiStiNop, usesTarget: false },
  self_ipi_sti_hlt: { body: selfIpiStiHlt, usesTarget: false },
  self_ipi_tpr: { body: selfIpiTpr, usesTarget: false },
  tscdeadline_immed: { body: tscdeadlineImmed, usesTarget: false },
  tscdeadline: { body: tscdeadline, usesTarget: false },
  cpuid: { body: cpuidBody, usesTarget: false },
  vmcall: { body: vmcallBody, usesTarget: false },
  mov_to_cr8: { body: movToCr8Body, usesTarget: false },
  mov_from_cr8: { body: movFromCr8Body, usesTarget: false }
};
var vmexitTestNames = Object.keys(vmexitTests);
var bodies = Object.values(vmexitTests).map(({ body }) => body);
function vmexitTestNumber(name) {
  return vmexitTestNames.indexOf(name);
}
var vmexitLoop = program33("do_test", () => ({ test: 0, target: 0, iterations: 0, iteration: 0 }), [
  glue29("begin", (m, _cpu, f) => {
    observe(m, Record.iteration, f.iteration, 1);
  }),
  glue29("test", (m, cpu, f) => {
    call(m, cpu, bodies[f.test]).target = f.target;
  }),
  stage41(
    "loop",
    "guestLoop",
    local,
    (m, _cpu, f) => {
      observe(m, Record.iteration, f.iteration, 0);
      f.iteration++;
      return f.iteration < f.iterations ? "begin" : done;
    },
    { to: ["begin"] }
  )
]);

// src/scenarios/workloads/unit-test-guest.ts
function setUnitTestHandlers(vcpu) {
  setHandler(vcpu.guestInterrupts, ipiVector, ipiEntry.entry);
  setHandler(vcpu.guestInterrupts, testVector, testIsr.entry);
  vcpu.page.lvtTimer = 262144 | testVector;
}

// src/scenarios/workloads/vmexit.ts
import * as v4 from "valibot";

// src/scenarios/schema-values.ts
import * as v2 from "valibot";
var count = (least, most2) => v2.pipe(v2.number(), v2.integer(), v2.minValue(least), v2.maxValue(most2));
var positive = v2.pipe(v2.number(), v2.gtValue(0), v2.maxValue(1e12));
var nonNegative = v2.pipe(v2.number(), v2.minValue(0), v2.maxValue(1e15));
var vcpuNumber = count(0, 4095);

// src/scenarios/workloads/workload.ts
import * as v3 from "valibot";
var measured = {
  /** Iterations that count. */
  iterations: v3.optional(count(1, 1e7), 1e3),
  /** Iterations before them that do not. */
  warmup: v3.optional(count(0, 1e6), 64)
};
function workloadKind(kind) {
  return kind;
}
function requireVcpu(setting, vcpu, path) {
  if (vcpu >= setting.vm.vcpus) {
    throw new InputError(path, `virtual CPU ${vcpu} does not exist (${setting.vm.vcpus} there)`);
  }
}

// src/scenarios/workloads/vmexit.ts
var schema = v4.strictObject({
  kind: v4.literal("vmexit"),
  /** A test of kvm-unit-tests' `x86/vmexit.c`. */
  test: v4.picklist(vmexitTestNames),
  /** What the target does meanwhile. */
  targetIdle: v4.optional(v4.picklist(["loop", "hlt"]), "loop"),
  from: v4.optional(vcpuNumber, 0),
  to: v4.optional(vcpuNumber, 1),
  ...measured
});
var vmexit = workloadKind({
  schema,
  start(workload2, setting) {
    const { test, targetIdle, from, to, iterations, warmup } = workload2;
    const { usesTarget } = vmexitTests[test];
    requireVcpu(setting, from, "workload.from");
    if (usesTarget) {
      requireVcpu(setting, to, "workload.to");
      if (from === to) throw new InputError("workload.to", "is the sender itself");
    }
    const { machine } = setting.plan;
    setting.vcpus.forEach((vcpu, number4) => {
      setUnitTestHandlers(vcpu);
      if (number4 === from) {
        const source3 = startGuest(machine, vcpu, vmexitLoop);
        source3.test = vmexitTestNumber(test);
        source3.target = to;
        source3.iterations = iterations + warmup;
      } else {
        startGuest(machine, vcpu, targetIdle === "hlt" ? haltLoop : busyLoop);
      }
    });
  },
  measuredBy: ({ from }) => from
});

// src/scenarios/workloads/workloads.ts
var workloads = {
  vmexit
};
function workloadOf(kind) {
  return workloads[kind];
}

// src/scenarios/build.ts
function profileOf(profile2, path = "profile") {
  if (typeof profile2 === "string") {
    const found = Object.hasOwn(profiles, profile2) ? profiles[profile2] : void 0;
    if (found === void 0) {
      throw new InputError(path, `there is no profile '${profile2}' (there are: ${Object.keys(profiles).join(", ")})`);
    }
    return found;
  }
  if ("base" in profile2) return withCosts(profileOf(profile2.base, `${path}.base`), profile2.set, `${path}.set`);
  return profile2;
}
function featuresOf(scenario2, profile2, index) {
  const { features: asked } = scenario2.vms[index];
  const path = `vms[${index}].features`;
  const kernel2 = kernels[scenario2.host.kernel];
  const choose = (name, processor2, what) => {
    const wanted = asked[name];
    if (wanted === true && !processor2) {
      throw new InputError(`${path}.${name}`, `the processor of profile '${profile2.name}' has no ${what}`);
    }
    if (wanted === true && !kernel2[name]) {
      throw new InputError(`${path}.${name}`, `Linux ${scenario2.host.kernel} has no ${what}`);
    }
    return wanted ?? (processor2 && kernel2[name]) ? 1 : 0;
  };
  for (const name of ["pvIpi", "pvTlbFlush", "hypervPvIpi", "avic"]) {
    if (asked[name] === true) throw new InputError(`${path}.${name}`, "is not modelled in this version");
  }
  const apicv = choose("apicv", profile2.features.apicv && scenario2.host.tprShadow, "APIC virtualization");
  for (const name of ["ipiVirtualization", "postedTimer"]) {
    if (apicv === 0 && asked[name] === true) throw new InputError(`${path}.${name}`, "needs apicv, which is off");
  }
  if (asked.postedTimer === true && !kernel2.postedTimer) {
    throw new InputError(`${path}.postedTimer`, `Linux ${scenario2.host.kernel} has no posted timer`);
  }
  const wantsPosted = asked.postedTimer ?? (scenario2.host.housekeeping !== void 0 && kernel2.postedTimer && apicv === 1);
  const posted = kernel2.postedTimerPerVcpu ? PostedTimer.perVcpu : PostedTimer.global;
  return {
    apicv,
    ipiVirtualization: apicv === 0 ? 0 : choose("ipiVirtualization", profile2.features.ipiVirtualization, "IPI virtualization"),
    icrFastpath: choose("icrFastpath", true, "fastpath for the x2APIC ICR"),
    tscDeadlineFastpath: choose("tscDeadlineFastpath", true, "fastpath for IA32_TSC_DEADLINE"),
    preemptionTimerFastpath: choose("preemptionTimerFastpath", true, "fastpath for the VMX-preemption timer"),
    hltFastpath: choose("hltFastpath", true, "fastpath for HLT"),
    postedTimer: wantsPosted ? posted : PostedTimer.off
  };
}
function pinningOf(scenario2) {
  const available = processorCount(scenario2.topology);
  const taken = /* @__PURE__ */ new Map();
  let nextCore = 0;
  return scenario2.vms.map((vm, index) => {
    const { pinning } = vm;
    const path = `vms[${index}].pinning`;
    if (pinning === "float") return void 0;
    const places = pinning ?? Array.from({ length: vm.vcpus }, () => nextCore++ * scenario2.topology.threadsPerCore);
    if (places.length !== vm.vcpus) {
      throw new InputError(path, `has ${places.length} logical processors for ${vm.vcpus} virtual CPUs`);
    }
    places.forEach((place, vcpu) => {
      const here = pinning === void 0 ? `vms[${index}].vcpus` : `${path}[${vcpu}]`;
      if (place >= available) {
        throw new InputError(
          here,
          pinning === void 0 ? `${vm.vcpus} virtual CPUs need more cores than the host has (${available} logical processors)` : `logical processor ${place} does not exist (${available} available)`
        );
      }
      const other = taken.get(place);
      if (other !== void 0) throw new InputError(here, `logical processor ${place} is taken by ${other}`);
      taken.set(place, here);
    });
    return [...places];
  });
}
var mostLogical = { physical: 255, flat: 8, cluster: 60 };
function logicalId(vm, vcpuId) {
  if (vm.apicMode === "x2apic" || vm.logicalMode === "physical") return {};
  return xapicLogicalId(vm.logicalMode === "flat" ? AddressMode.flat : AddressMode.cluster, vcpuId);
}
function rejectUnmodelled(scenario2) {
  scenario2.vms.forEach((vm, index) => {
    if (vm.apicMode === "xapic" && vm.vcpus > 255) {
      throw new InputError(`vms[${index}].vcpus`, `${vm.vcpus} virtual CPUs, but xAPIC mode has 255 APIC IDs`);
    }
    const most2 = vm.apicMode === "x2apic" ? Number.POSITIVE_INFINITY : mostLogical[vm.logicalMode];
    if (vm.vcpus > most2) {
      throw new InputError(
        `vms[${index}].logicalMode`,
        `${vm.vcpus} virtual CPUs, but xAPIC mode has ${most2} such IDs`
      );
    }
    if (vm.apicMode === "x2apic" && vm.logicalMode === "flat") {
      throw new InputError(`vms[${index}].logicalMode`, "x2APIC mode has no flat model");
    }
  });
}
var mitigationMasks = { ...Mitigation, taa: Mitigation.mds };
function mitigationsOf(asked) {
  let mask2 = 0;
  for (const [name, on] of Object.entries(asked)) {
    const own = Object.hasOwn(mitigationMasks, name) ? mitigationMasks[name] : void 0;
    if (own === void 0) {
      const names3 = Object.keys(mitigationMasks).join(", ");
      throw new InputError(`host.mitigations.${name}`, `is not a mitigation that is modelled (there are: ${names3})`);
    }
    if (on) mask2 |= own;
  }
  return mask2;
}
function timerAdvanceOf({ host: host2 }, cycles2) {
  const kernel2 = kernels[host2.kernel];
  const asked = host2.timerAdvance ?? kernel2.timerAdvance;
  if (asked === true && !kernel2.timerAdvance) {
    throw new InputError("host.timerAdvance", `Linux ${host2.kernel} does not adapt the advance; give nanoseconds`);
  }
  if (typeof asked === "number" && !kernel2.timerAdvanceNs) {
    throw new InputError("host.timerAdvance", `Linux ${host2.kernel} has no advance of timers that is set by hand`);
  }
  const timerWaitEarly = kernel2.timerWaitEarly ? 1 : 0;
  if (asked === false || asked === 0) return { timerAdvance: TimerAdvance.off, timerAdvanceCycles: 0, timerWaitEarly };
  return asked === true ? { timerAdvance: TimerAdvance.adaptive, timerAdvanceCycles: cycles2(1e3), timerWaitEarly } : { timerAdvance: TimerAdvance.fixed, timerAdvanceCycles: cycles2(asked), timerWaitEarly };
}
function addVm(plan, scenario2, profile2, index, pinning, { perNs, cycles: cycles2 }) {
  const { machine } = plan;
  const { host: host2, workload: workload2 } = scenario2;
  const vm = scenario2.vms[index];
  const kernel2 = kernels[host2.kernel];
  const x2apic = vm.apicMode === "x2apic";
  const number4 = createVm(plan, {
    ...featuresOf(scenario2, profile2, index),
    flexpriority: host2.flexpriority && host2.tprShadow ? 1 : 0,
    tprShadow: host2.tprShadow ? 1 : 0,
    hidesApicPage: kernel2.hidesApicPage ? 1 : 0,
    icrReservedFaults: kernel2.icrReservedFaults ? 1 : 0,
    preemptionTimer: host2.preemptionTimer ? 1 : 0,
    timerProcessor: host2.housekeeping ?? -1,
    ...timerAdvanceOf(scenario2, cycles2),
    apicTick: Math.max(1, Math.round(perNs)),
    cyclesPerMicrosecond: cycles2(1e3),
    hltInGuest: vm.disableExits.includes("hlt") ? 1 : 0,
    mwaitInGuest: vm.disableExits.includes("mwait") ? 1 : 0,
    haltPollMax: cycles2(host2.haltPollNs),
    haltPollGrow: host2.haltPollGrow,
    haltPollGrowStart: cycles2(host2.haltPollGrowStart),
    haltPollShrink: host2.haltPollShrink ?? kernel2.haltPollShrink
  });
  machine.guests.push({
    ipiLock: 0,
    ipiFunction: 0,
    ipiData: 0,
    ipiDone: 0,
    ipiWait: 0,
    activeCpus: 1,
    line: plan.lines++,
    doneChannel: plan.channels++,
    handled: 0,
    handledChannel: plan.channels++,
    faults: 0,
    x2apic: x2apic ? 1 : 0,
    addressMode: AddressMode[vm.logicalMode]
  });
  const vcpus = Array.from(
    { length: vm.vcpus },
    (_, vcpuId) => createVcpu(plan, number4, {
      apicMode: x2apic ? ApicMode.x2apic : ApicMode.xapic,
      allowed: pinning === void 0 ? [] : [pinning[vcpuId]],
      ...logicalId(vm, vcpuId)
    })
  );
  for (const vcpu of vcpus) setHandler(vcpu.guestInterrupts, generalProtectionVector, excGeneralProtection.entry);
  if (workload2 !== void 0 && index === 0) {
    workloadOf(workload2.kind).start(workload2, { plan, vm, index, vcpus, cycles: cycles2 });
    return;
  }
  for (const vcpu of vcpus) {
    setUnitTestHandlers(vcpu);
    startGuest(machine, vcpu, busyLoop);
  }
}
function buildMachine(scenario2) {
  const profile2 = profileOf(scenario2.profile);
  rejectUnmodelled(scenario2);
  const pinning = pinningOf(scenario2);
  const { host: host2, topology } = scenario2;
  const perNs = topology.tscGhz ?? profile2.tscGhz;
  const durations = { perNs, cycles: (ns) => Math.round(ns * perNs) };
  const processors2 = processorCount(topology);
  if (host2.housekeeping !== void 0 && host2.housekeeping >= processors2) {
    throw new InputError(
      "host.housekeeping",
      `logical processor ${host2.housekeeping} does not exist (${processors2} available)`
    );
  }
  const bare = createHost(processors2, {
    sliceCycles: durations.cycles(host2.sliceNs),
    wakeupPreemption: 1,
    mwaitIdle: host2.idle === "mwait" ? 1 : 0
  });
  const plan = addKvm(bare, {
    vcpus: [],
    vms: [],
    guests: [],
    wakeupLists: bare.machine.processors.map(() => []),
    mitigations: mitigationsOf(host2.mitigations)
  });
  for (const index of scenario2.vms.keys()) addVm(plan, scenario2, profile2, index, pinning[index], durations);
  scenario2.vms.forEach(({ apicvInhibits }, index) => {
    for (const { reason, atNs, forNs } of apicvInhibits) {
      const duration = forNs === void 0 ? -1 : durations.cycles(forNs);
      addInhibitThread(plan.machine, index, ApicvInhibit[reason], durations.cycles(atNs), duration);
    }
  });
  return { machine: plan.machine, channels: plan.channels, lines: plan.lines };
}

// src/guest/bring-up.ts
var { program: program34, stage: stage42, glue: glue30, until: until6 } = guest;
var initAssert = 50432;
var initDeassert = 34048;
var startUp = 17928;
var nmi3 = 17408;
var wakeupSecondaryCpuViaInit = program34("wakeup_secondary_cpu_via_init", () => ({ target: 0 }), [
  glue30("init-assert", (m, cpu, f) => apicIcrWrite(m, cpu, initAssert, f.target)),
  glue30("init-deassert", (m, cpu, f) => apicIcrWrite(m, cpu, initDeassert, f.target)),
  glue30("sipi", (m, cpu, f) => apicIcrWrite(m, cpu, startUp, f.target)),
  glue30("sipi-again", (m, cpu, f) => apicIcrWrite(m, cpu, startUp, f.target)),
  until6("wait-for-processor", "guestSpinExit", (m, cpu) => guestMemory(m, cpu).handled === 1, {
    channel: (m, cpu) => guestMemory(m, cpu).handledChannel,
    line: guestLine
  })
]);
var startSecondary = program34("start_secondary", () => ({}), [
  stage42(
    "set_cpu_online",
    "guestStores",
    shared,
    (m, cpu) => {
      const memory = guestMemory(m, cpu);
      memory.handled = 1;
      notify(m, memory.handledChannel);
    },
    { line: guestLine }
  ),
  until6("idle", "guestLoop", () => false, { channel: () => -1 })
]);
var sendNmis = program34("send_nmis", () => ({ target: 0, count: 1, sent: 0 }), [
  glue30("send", (m, cpu, f) => {
    f.sent++;
    apicIcrWrite(m, cpu, nmi3, f.target);
  }),
  glue30("more", (_m, _cpu, f) => f.sent < f.count ? "send" : void 0, { to: ["send"] }),
  until6("wait", "guestSpinExit", (m, cpu) => guestMemory(m, cpu).handled > 0, {
    channel: (m, cpu) => guestMemory(m, cpu).handledChannel,
    line: guestLine
  })
]);
var guestNmiHandler = program34("guest_nmi", () => ({}), [
  stage42(
    "count",
    "guestStores",
    shared,
    (m, cpu) => {
      const memory = guestMemory(m, cpu);
      memory.handled++;
      notify(m, memory.handledChannel);
    },
    { line: guestLine }
  ),
  stage42("iretq", "iret", shared, (m, cpu) => iretFromNmi(m, cpu))
]);

// src/guest/routines.ts
var guestRoutines = [
  busyLoop,
  initApicLdr,
  excGeneralProtection,
  guestNmiHandler,
  haltLoop,
  ipiEntry,
  onCpu,
  sendNmis,
  startSecondary,
  wakeupSecondaryCpuViaInit,
  testIsr,
  vmexitLoop,
  x2apicIcrWrite,
  xapicIcrWrite,
  ...Object.values(vmexitTests).map(({ body }) => body)
].map((routine) => routine);

// src/hardware/routines.ts
var hardwareRoutines = [
  apicPageRead,
  apicPageWrite,
  cpuid,
  eventInjection,
  exceptionDelivery,
  externalInterrupt,
  hlt2,
  ipiVirtualization,
  leaveHalt,
  movFromCr8Instruction,
  movToCr8Instruction,
  postedInterruptProcessing,
  rdmsr,
  rdtsc,
  virtualInterruptDelivery,
  vmcall,
  vmEntry,
  vmExitMicrocode,
  wrmsr
].map((routine) => routine);
var hardwareCostKeys = ["ipiFlight"];

// src/host/routines.ts
var hostRoutines = [
  doIdle,
  finishTaskSwitch,
  hrtick,
  hrtimerInterrupt,
  reschedCurr,
  hrtimerWakeup,
  nanosleep,
  schedule,
  sysvecRescheduleIpi,
  tryToWakeUp
].map((routine) => routine);

// src/kvm/routines.ts
var kvmRoutines = [
  .../* @__PURE__ */ new Set([
    ...exitHandlers.map(([, routine]) => routine),
    ...[
      apicAcceptIrq,
      apicTimerExpired,
      apicTimerFn,
      emulateApicAccess,
      excNmi,
      handleExternalInterruptIrqoff,
      handleFastpathHlt,
      handleFastpathPreemptionTimer,
      handleFastpathSetTscdeadline,
      handleFastpathSetX2apicIcrIrqoff,
      inhibitThread,
      ioapicService,
      kvmApicAcceptEvents,
      kvmApicInjectPendingTimerIrqs,
      kvmApicSendIpi,
      kvmCheckAndInjectEvents,
      kvmCheckRequests,
      kvmIoapicSendEoi,
      kvmIoapicSetIrq,
      kvmIrqDeliveryToApic,
      kvmLapicExpiredHvTimer,
      kvmLapicRegWrite,
      kvmSchedIn,
      kvmSchedOut,
      kvmSetOrClearApicvInhibit,
      kvmVcpuBlock,
      kvmVcpuHalt,
      kvmVcpuKick,
      kvmVcpuUpdateApicv,
      kvmVcpuWakeUp,
      kvmWaitLapicExpire,
      pauseAllVcpus,
      piWakeupHandler,
      qemuWaitIoEvent,
      restartApicTimer,
      startApicTimer,
      startSwTimer,
      updateDivideCount,
      kvmMigrateApicTimer,
      sysvecKvmPostedIntrIpi,
      vcpuBlock,
      vcpuEnterGuest,
      vcpuRun,
      vmxDeliverInterrupt,
      vmxDeliverPostedInterrupt,
      vmxExitHandlersFastpath,
      vmxHandleExit,
      vmxPiStartBypass,
      vmxSyncPirToIrr,
      vmxVcpuPiLoad,
      vmxVcpuPiPut,
      vmxVcpuRun
    ].map((routine) => routine)
  ])
];

// src/scenarios/routines.ts
var systemRoutines = [
  ...hardwareRoutines,
  ...hostRoutines,
  ...kvmRoutines,
  ...guestRoutines
];
var systemCostKeys = hardwareCostKeys;

// src/scenarios/schema.ts
import * as v6 from "valibot";

// src/scenarios/vm-schema.ts
import * as v5 from "valibot";
var switchable = v5.optional(v5.boolean());
var apicvInhibitNames = Object.keys(ApicvInhibit);
var vmSchema = v5.strictObject({
  /** How many virtual CPUs, 1 to 4096. */
  vcpus: v5.optional(count(1, 4096), 2),
  /** Mode of the guest's local APICs. */
  apicMode: v5.optional(v5.picklist(["xapic", "x2apic"]), "x2apic"),
  /** How the guest addresses its APICs. */
  logicalMode: v5.optional(v5.picklist(["physical", "cluster", "flat"]), "physical"),
  /** The logical processor of each virtual CPU; by default one core each, in order. */
  pinning: v5.optional(
    v5.lazy((input) => typeof input === "string" ? v5.picklist(["float"]) : v5.array(count(0, 65535)))
  ),
  /** Defaults to what `host.kernel` had and the processor has. */
  features: v5.optional(
    v5.strictObject({
      apicv: switchable,
      ipiVirtualization: switchable,
      icrFastpath: switchable,
      tscDeadlineFastpath: switchable,
      preemptionTimerFastpath: switchable,
      hltFastpath: switchable,
      postedTimer: switchable,
      pvIpi: switchable,
      pvTlbFlush: switchable,
      hypervPvIpi: switchable,
      avic: switchable
    }),
    {}
  ),
  /** Reasons against APICv that come, and go again, while the VM runs. */
  apicvInhibits: v5.optional(
    v5.array(
      v5.strictObject({
        reason: v5.picklist(apicvInhibitNames),
        atNs: v5.optional(nonNegative, 0),
        /** For good, if not given. */
        forNs: v5.optional(nonNegative)
      })
    ),
    []
  ),
  /** What the guest does without an exit: KVM_CAP_X86_DISABLE_EXITS. */
  disableExits: v5.optional(v5.array(v5.picklist(["hlt", "mwait"])), []),
  /** What an idle virtual CPU does, in workloads that do not say it themselves. */
  guestIdle: v5.optional(v5.picklist(["hlt", "poll", "mwait", "haltpoll"]), "hlt")
});

// src/scenarios/schema.ts
var byDistance = v6.tuple([nonNegative, nonNegative, nonNegative, nonNegative]);
var costGroup = v6.strictObject({
  cycles: nonNegative,
  range: v6.tuple([nonNegative, nonNegative]),
  status: v6.picklist(["taken", "fitted", "grouped", "estimated", "unconstrained"]),
  source: v6.string(),
  keys: v6.record(v6.string(), nonNegative),
  clock: v6.optional(v6.picklist(["core", "uncore"])),
  scaled: v6.optional(v6.boolean()),
  byDistance: v6.optional(byDistance)
});
var cState = v6.strictObject({ name: v6.string(), exitLatencyNs: nonNegative, targetResidencyNs: nonNegative });
var inlineProfile = v6.strictObject({
  name: v6.string(),
  title: v6.string(),
  features: v6.strictObject({
    apicv: v6.boolean(),
    ipiVirtualization: v6.boolean(),
    vendor: v6.optional(v6.picklist(["intel", "amd"])),
    avic: v6.optional(v6.boolean()),
    x2avic: v6.optional(v6.boolean())
  }),
  tscGhz: positive,
  coreGhz: v6.optional(positive),
  scale: v6.optional(positive),
  groups: v6.record(v6.string(), costGroup),
  cStates: v6.optional(v6.array(cState))
});
var costSetting = v6.lazy((input) => Array.isArray(input) ? byDistance : nonNegative);
var changedProfile = v6.strictObject({ base: v6.string(), set: v6.record(v6.string(), costSetting) });
var profile = v6.lazy((input) => {
  if (typeof input !== "object" || input === null) return v6.string();
  return "base" in input ? changedProfile : inlineProfile;
});
var workload = v6.variant(
  "kind",
  Object.values(workloads).map(({ schema: schema2 }) => schema2)
);
var published = v6.strictObject({
  /** Path into the variant's report, as `latencyCycles.mean`. */
  metric: v6.string(),
  value: v6.number(),
  source: v6.string(),
  /** What the source says beside the mean. */
  min: v6.optional(v6.number()),
  max: v6.optional(v6.number()),
  n: v6.optional(count(1, 1e9))
});
var assumption = v6.strictObject({ path: v6.string(), value: v6.unknown(), why: v6.string() });
var machineEntries = {
  /** Name of a profile, a profile with some costs replaced, or a whole one. */
  profile: v6.optional(profile, "sapphire-rapids"),
  topology: v6.optional(
    v6.strictObject({
      sockets: v6.optional(count(1, 16), 1),
      coresPerSocket: v6.optional(count(1, 4096), 2),
      threadsPerCore: v6.optional(count(1, 2), 1),
      /** Clock of the time-stamp counter; the profile's by default. */
      tscGhz: v6.optional(positive),
      /** Clock of the cores; the profile's by default, or what keeps its ratio to the time-stamp counter. */
      coreGhz: v6.optional(positive)
    }),
    {}
  ),
  host: v6.optional(
    v6.strictObject({
      kernel: v6.optional(v6.picklist(kernelVersions), "6.1"),
      haltPollNs: v6.optional(nonNegative, 2e5),
      haltPollGrow: v6.optional(nonNegative, 2),
      haltPollGrowStart: v6.optional(nonNegative, 1e4),
      /** The kernel's default if not given. */
      haltPollShrink: v6.optional(nonNegative),
      /** How long a task runs while others wait for its processor. */
      sliceNs: v6.optional(positive, 3e6),
      /** How an idle processor waits: `hlt` needs an interrupt to wake up, `mwait` does not. */
      idle: v6.optional(v6.picklist(["hlt", "mwait"]), "mwait"),
      /** Module parameter `flexpriority` of kvm-intel: an APIC-access page for guests in xAPIC mode. */
      flexpriority: v6.optional(v6.boolean(), true),
      /** Whether the processor has the TPR shadow, without which it has no APIC virtualization at all. */
      tprShadow: v6.optional(v6.boolean(), true),
      /** Module parameter `preemption_timer` of kvm-intel. */
      preemptionTimer: v6.optional(v6.boolean(), true),
      /** Guest timers set early by an advance that adapts (module parameter `lapic_timer_advance` of kvm), not at all, or by so many nanoseconds (`lapic_timer_advance_ns`); what the kernel does by default if not given. */
      timerAdvance: v6.optional(v6.union([v6.boolean(), nonNegative])),
      /** A processor that a host keeps for housekeeping, which isolates the others: it runs posted timers, and those are then on by default. Each virtual CPU's own runs them if not given. */
      housekeeping: v6.optional(count(0, 65535)),
      mitigations: v6.optional(v6.record(v6.string(), v6.boolean()), {}),
      cStates: v6.optional(v6.picklist(["default"]), "default")
    }),
    {}
  ),
  vms: v6.optional(v6.pipe(v6.array(vmSchema), v6.minLength(1), v6.maxLength(4096)), [{}]),
  /** Any integer; the same seed gives the same bytes. */
  seed: v6.optional(v6.pipe(v6.number(), v6.safeInteger()), 1),
  /** Relative spread of each stage's cost, 0 to 1. */
  jitter: v6.optional(v6.pipe(v6.number(), v6.minValue(0), v6.maxValue(1)), 0)
};
var machineSchema = v6.strictObject({ ...machineEntries, workload: v6.optional(workload) });
var scenarioSchema = v6.strictObject({
  ...machineEntries,
  name: v6.optional(v6.string(), "scenario"),
  title: v6.optional(v6.string()),
  workload,
  /** What the source of a figure does not state. */
  assumed: v6.optional(v6.array(assumption), []),
  /** Independent runs, with consecutive seeds. */
  runs: v6.optional(count(1, 1e4), 1),
  published: v6.optional(v6.array(published), []),
  /** Changes of this scenario, by path; each is a row of the report. */
  variants: v6.optional(
    v6.pipe(
      v6.array(
        v6.strictObject({
          name: v6.string(),
          set: v6.optional(v6.record(v6.string(), v6.unknown()), {}),
          published: v6.optional(v6.array(published), [])
        })
      ),
      v6.minLength(1),
      v6.maxLength(1e3)
    )
  )
});
function parse(schema2, input) {
  const result = v6.safeParse(schema2, input);
  if (result.success) return result.output;
  throw issueError(result.issues[0]);
}
function parseScenario(input) {
  return parse(scenarioSchema, input);
}
function parseMachine(input) {
  return parse(machineSchema, input);
}
function splitPath(path) {
  const keys = [];
  const pattern = /(?:^|\.)([A-Za-z_][\w-]*)|\[(\d+)\]/y;
  while (pattern.lastIndex < path.length) {
    const match = pattern.exec(path);
    if (match === null) throw new InputError(path, "is not a path such as vms[0].features.ipiVirtualization");
    keys.push(match[1] ?? Number(match[2]));
  }
  if (keys.length === 0) throw new InputError(path, "is not a path such as vms[0].features.ipiVirtualization");
  return keys;
}
function withValue(input, path, value) {
  const replace = (current, keys2, value2) => {
    const [key, ...rest] = keys2;
    if (key === void 0) return value2;
    if (typeof key === "number") {
      const list2 = current === void 0 ? [] : current;
      if (!Array.isArray(list2)) throw new InputError(path, `there is no list to take element ${key} of`);
      if (key > list2.length) throw new InputError(path, `element ${key} does not exist (${list2.length} there)`);
      const copy = [...list2];
      copy[key] = replace(copy[key], rest, value2);
      return copy;
    }
    const object = current === void 0 ? {} : current;
    if (typeof object !== "object" || object === null || Array.isArray(object)) {
      throw new InputError(path, `there is no object to set '${key}' of`);
    }
    return { ...object, [key]: replace(object[key], rest, value2) };
  };
  const keys = splitPath(path);
  const { profile: profile2 = "sapphire-rapids" } = input ?? {};
  const based = keys[0] === "profile" && keys[1] === "set" && typeof profile2 === "string" ? replace(input, ["profile"], { base: profile2, set: {} }) : input;
  return replace(based, keys, value);
}

// src/scenarios/run.ts
var iterationRecord = recordKindOf("iteration").number;
function timedOptions(scenario2) {
  const profile2 = profileOf(scenario2.profile);
  return {
    hooks: hardwareHooks,
    costs: resolveCosts(costsOf(profile2, clocksOf(profile2, scenario2.topology)), [
      ...costKeysOf(systemRoutines),
      ...systemCostKeys
    ]),
    distance: distanceBetween(scenario2.topology),
    jitter: scenario2.jitter,
    observe: createRecorder()
  };
}
function createRun(scenario2, seed = scenario2.seed, more = {}) {
  const { machine, channels, lines } = buildMachine(scenario2);
  const idle = new Set(machine.runQueues.map((queue) => queue.idle));
  const counters2 = createCounters({
    processors: machine.processors.length,
    warmup: scenario2.workload?.warmup ?? 0,
    total: scenario2.workload?.iterations ?? 0,
    virtualCpus: machine.vcpus.length,
    tasks: machine.tasks.map(
      (task) => idle.has(task.id) ? OtherTask.idle : task.owner < 0 ? OtherTask.load : task.owner
    )
  });
  const state = createRunState(machine, { channels, lines, seed }, counters2);
  return new TimedRun(state, { ...timedOptions(scenario2), ...more });
}
function runScenario(input, options = {}) {
  const base = parseScenario(input);
  const rows = checkedVariants(input, base);
  const total = rows.reduce((sum, { scenario: scenario2 }) => sum + scenario2.runs, 0);
  let done2 = 0;
  return {
    scenario: base.name,
    title: base.title ?? base.name,
    profile: profileOf(base.profile).name,
    seed: base.seed,
    assumed: base.assumed.map(({ path, value, why }) => ({ path, value, why })),
    variants: rows.map(
      ({ name, scenario: scenario2 }) => runVariant(name, scenario2, options.breakdown ?? true, () => {
        done2++;
        options.onProgress?.({ variant: name, done: done2, total });
      })
    )
  };
}
function checkScenario(input) {
  checkedVariants(input, parseScenario(input));
}
function checkedVariants(input, base) {
  const rows = variantsOf(input, base);
  for (const { name, scenario: scenario2 } of rows) {
    if (base.variants === void 0) createRun(scenario2);
    else inVariant(name, () => createRun(scenario2));
  }
  return rows;
}
function inVariant(name, body) {
  try {
    return body();
  } catch (error) {
    if (error instanceof InputError) throw new InputError(error.path, `${error.reason} (variant '${name}')`);
    throw error;
  }
}
function variantsOf(input, base) {
  if (base.variants === void 0) return [{ name: base.name, scenario: base }];
  const { variants: _, ...plain } = input;
  return base.variants.map((variant2, index) => {
    let changed = { ...plain, published: variant2.published };
    for (const [path, value] of Object.entries(variant2.set)) {
      if (/^variants\b/.test(path)) throw new InputError(`variants[${index}].set`, "a variant cannot have variants");
      changed = withValue(changed, path, value);
    }
    return inVariant(variant2.name, () => ({ name: variant2.name, scenario: parseScenario(changed) }));
  });
}
function drive(run, scenario2, seed) {
  try {
    run.run();
    if (run.state.observers.iterations.length !== scenario2.workload.iterations) {
      throw new InternalError("workload", `ended after ${run.state.observers.iterations.length} iterations`);
    }
  } catch (error) {
    if (error instanceof InternalError) error.reproduction = JSON.stringify({ ...scenario2, seed, runs: 1 });
    throw error;
  }
}
function runVariant(name, scenario2, breakdown, onRun) {
  const profile2 = profileOf(scenario2.profile);
  const { tscGhz = profile2.tscGhz } = scenario2.topology;
  const iterations = [];
  const means = [];
  const exits = [];
  const cpu = [];
  const interrupts = { sent: 0, delivered: 0, coalesced: 0 };
  let elapsed = 0;
  for (let number4 = 0; number4 < scenario2.runs; number4++) {
    const count6 = createRecorder();
    const run = createRun(scenario2, scenario2.seed + number4, {
      observe: (counters3, time, processor2, kind, a, b) => {
        count6(counters3, time, processor2, kind, a, b);
        if (kind === iterationRecord && counters3.closed >= 0) run.stop();
      }
    });
    drive(run, scenario2, scenario2.seed + number4);
    const counters2 = run.state.observers;
    finishCounters(counters2);
    let sum = 0;
    for (const cycles2 of counters2.iterations) {
      iterations.push(cycles2);
      sum += cycles2;
    }
    means.push(sum / counters2.iterations.length);
    mergeExits(exits, counters2.exits);
    cpu.push(cpuTimeOf(counters2, idleStateNames));
    interrupts.sent += counters2.sent;
    interrupts.delivered += counters2.delivered;
    interrupts.coalesced += counters2.coalesced;
    elapsed += counters2.ended - counters2.began;
    onRun();
  }
  const totals = exitTotals(exits);
  const exitCycles = totals.reduce((sum, row) => sum + row.cycles, 0);
  const workCycles = totals.reduce((sum, row) => sum + row.work, 0);
  const exitCount = totals.reduce((sum, row) => sum + row.count, 0);
  const latencyCycles = summarize(iterations);
  const report = {
    name,
    tscGhz,
    latencyCycles,
    latencyNs: scaleSummary(latencyCycles, 1 / tscGhz),
    runs: { ...summarize(means), stdev: standardDeviation(means) },
    totalNs: elapsed / tscGhz,
    exits: totals.map(
      (row) => ({
        ...row,
        share: exitCycles === 0 ? 0 : row.cycles / exitCycles,
        workShare: workCycles === 0 ? 0 : row.work / workCycles
      })
    ),
    exitsPerIteration: exitCount / iterations.length,
    cpu: addCpuTimes(cpu),
    interrupts,
    breakdown: breakdown ? breakdownOf(traceIteration(scenario2), scenario2) : [],
    published: []
  };
  return { ...report, published: scenario2.published.map((figure2) => compare(figure2, report)) };
}
function compare(figure2, report) {
  const simulated = metricOf(report, figure2.metric, "published");
  return { ...figure2, simulated, errorPct: 100 * (simulated - figure2.value) / figure2.value };
}
function traceIteration(scenario2) {
  const quiet = { ...scenario2, jitter: 0, workload: { ...scenario2.workload, warmup: 3, iterations: 1 } };
  const profile2 = profileOf(quiet.profile);
  const trace = createTrace(
    quiet.topology.tscGhz ?? profile2.tscGhz,
    quiet.vms.flatMap((machine, vm) => Array.from({ length: machine.vcpus }, (_, number4) => ({ vm, number: number4 })))
  );
  const recorder = recordTrace(trace);
  const count6 = createRecorder();
  const run = createRun(quiet, quiet.seed, {
    ...recorder.callbacks,
    observe: (counters2, time, processor3, kind, a, b) => {
      count6(counters2, time, processor3, kind, a, b);
      recorder.callbacks.observe(counters2, time, processor3, kind, a, b);
      if (kind === iterationRecord && counters2.closed >= 0) run.stop();
    }
  });
  drive(run, quiet, quiet.seed);
  run.run({ stages: 2e3 });
  recorder.finish(run.state.timing.now);
  const { began: from, ended: to } = run.state.observers;
  const processor2 = run.state.machine.vcpus[workloadOf(quiet.workload.kind).measuredBy(quiet.workload)]?.cpu ?? 0;
  return { trace, from, to, processor: processor2 };
}
function traceScenario(input) {
  const base = parseScenario(input);
  return variantsOf(input, base).map(({ name, scenario: scenario2 }) => ({
    title: name,
    ...traceIteration(scenario2)
  }));
}
function wholePath({ trace, processor: processor2, from, to }) {
  let path = criticalPath(trace, processor2, from, to);
  for (; ; ) {
    const first = path[0];
    if (first === void 0 || first.start <= from) return path;
    let before2 = from;
    for (const stage43 of trace.stages) {
      if (stage43.processor === first.processor && stage43.end < first.start) before2 = Math.max(before2, stage43.end);
    }
    const wait = { processor: first.processor, stage: "timer", start: before2, cycles: first.start - before2 };
    path = [...criticalPath(trace, first.processor, from, before2), wait, ...path];
  }
}
function breakdownOf(traced, scenario2) {
  const path = wholePath(traced);
  const sum = path.reduce((total, segment) => total + segment.cycles, 0);
  if (sum !== traced.to - traced.from) {
    throw new InternalError(
      `breakdown of ${scenario2.name}`,
      `the critical path has ${sum} cycles of ${traced.to - traced.from}`
    );
  }
  return path.map(
    (segment) => ({
      stage: segment.stage,
      on: segment.stage === "flight" ? "bus" : segment.processor === traced.processor ? "sender" : "target",
      cycles: segment.cycles
    })
  );
}

// src/scenarios/figures/simulate.ts
function scenarioOfFigure(scenario2, path) {
  if (typeof scenario2 !== "string") return scenario2;
  const preset = Object.hasOwn(presets, scenario2) ? presets[scenario2] : void 0;
  if (preset === void 0) {
    throw new InputError(path, `there is no preset '${scenario2}' (there are: ${Object.keys(presets).join(", ")})`);
  }
  return preset;
}
function inFigure(path, body) {
  try {
    return body();
  } catch (error) {
    if (error instanceof InputError)
      throw new InputError(error.path === "" ? path : `${path}.${error.path}`, error.reason);
    throw error;
  }
}
function checkFigure(figure2, index) {
  for (const key of ["scenario", "relativeTo"]) {
    if (figure2[key] === void 0) continue;
    const path = `figures[${index}].${key}`;
    const scenario2 = scenarioOfFigure(figure2[key], path);
    inFigure(path, () => checkScenario(scenario2));
    chosenVariant(scenario2, figure2, path);
  }
  figure2.alternatives.forEach(({ set }, number4) => {
    const path = `figures[${index}].alternatives[${number4}]`;
    inFigure(path, () => checkScenario(withChanges(scenarioOfFigure(figure2.scenario, path), set)));
  });
}
function withChanges(scenario2, set) {
  let changed = scenario2;
  for (const [path, value] of Object.entries(set)) changed = withValue(changed, path, value);
  return changed;
}
function chosenVariant(scenario2, { variant: variant2 }, path) {
  const { variants } = parseScenario(scenario2);
  if (variants === void 0) return 0;
  if (variant2 === void 0) {
    if (variants.length === 1) return 0;
    throw new InputError(path, `has ${variants.length} variants, and the figure does not say which one it is about`);
  }
  const index = variants.findIndex(({ name }) => name === variant2);
  if (index < 0) throw new InputError(path, `has no variant '${variant2}'`);
  return index;
}
function only(scenario2, index) {
  const variant2 = scenario2.variants?.[index];
  return variant2 === void 0 ? scenario2 : { ...scenario2, variants: [variant2] };
}
var processorsByName = Object.fromEntries(
  processors.map((processor2) => [processor2.name, processor2])
);
function withNumbers(scenario2, numbers) {
  const { profile: profile2 } = parseScenario(scenario2);
  const rebuilt = (name) => {
    const processor2 = Object.hasOwn(processorsByName, name) ? processorsByName[name] : void 0;
    return processor2 === void 0 ? void 0 : profileOfProcessor(processor2, numbers);
  };
  if (typeof profile2 === "string") {
    const own = rebuilt(profile2);
    return own === void 0 ? scenario2 : withProfile(scenario2, own);
  }
  if (!("base" in profile2)) return scenario2;
  const base = rebuilt(profile2.base);
  return base === void 0 ? scenario2 : withProfile(scenario2, withCosts(base, profile2.set));
}
function withProfile(scenario2, profile2) {
  return { ...scenario2, profile: profile2 };
}
function profileNameOf(figure2) {
  const { profile: profile2 } = parseScenario(scenarioOfFigure(figure2.scenario, "scenario"));
  if (typeof profile2 === "string") return profile2;
  return "base" in profile2 ? profile2.base : "";
}
var shortIterations = 24;
function shortened(scenario2) {
  const { workload: workload2 } = parseScenario(scenario2);
  return {
    ...scenario2,
    jitter: 0,
    runs: 1,
    workload: { ...scenario2.workload, iterations: Math.min(workload2.iterations, shortIterations) }
  };
}
function createSimulator({ numbers, short = false } = {}) {
  const reports = /* @__PURE__ */ new Map();
  const reportOf2 = (input, figure2) => {
    const chosen = only(input, chosenVariant(input, figure2, "scenario"));
    const prepared = short ? shortened(chosen) : chosen;
    const scenario2 = numbers === void 0 ? prepared : withNumbers(prepared, numbers);
    const key = JSON.stringify(scenario2);
    const report = reports.get(key) ?? runScenario(scenario2, { breakdown: false });
    reports.set(key, report);
    return { report, variant: report.variants[0] };
  };
  return (figure2) => {
    const { report, variant: variant2 } = reportOf2(scenarioOfFigure(figure2.scenario, "scenario"), figure2);
    const value = metricOf(variant2, figure2.metric, "metric");
    if (figure2.relativeTo === void 0) return { simulated: value, report };
    const base = reportOf2(scenarioOfFigure(figure2.relativeTo, "relativeTo"), figure2).variant;
    return { simulated: value / metricOf(base, figure2.metric, "metric"), report };
  };
}

// src/scenarios/figures/calibrate.ts
function calibrate(figures = publishedFigures, { parameters: names3, onProgress } = {}) {
  const parsed = parseFigures(figures);
  parsed.forEach(checkFigure);
  const fitted = parsed.filter((figure2) => figure2.fitted);
  const all = parametersOf(processors);
  const parameters = names3 === void 0 ? all : all.filter(({ name }) => names3.includes(name));
  let runs = 0;
  return calibrateProblem({
    parameters,
    targets: fitted.map((figure2) => ({
      id: figure2.id,
      family: figure2.family ?? figure2.id,
      processor: profileNameOf(figure2),
      published: figure2.published,
      tolerancePct: figure2.tolerancePct ?? 2.5
    })),
    simulate(numbers, which) {
      const simulate = createSimulator({ numbers, short: true });
      const values = which.map((index) => simulate(fitted[index]).simulated);
      runs += which.length;
      onProgress?.(runs);
      return values;
    }
  });
}

// src/cost/fitted-ensemble.ts
var fittedEnsemble = [];

// src/scenarios/figures/validate.ts
var usualTolerancePct = 2.5;
var nineInTen = 1.645;
function sizeSummary(figures) {
  const sizes = figures.map(({ errorPct }) => Math.abs(errorPct));
  return {
    n: sizes.length,
    medianErrorPct: sizes.length === 0 ? null : median(sizes),
    maxErrorPct: sizes.length === 0 ? null : Math.max(...sizes)
  };
}
function openSpread(figure2, simulators) {
  const logarithms = simulators.map((simulate) => Math.log(simulate(figure2).simulated));
  const mean2 = logarithms.reduce((sum, value) => sum + value, 0) / logarithms.length;
  return Math.sqrt(logarithms.reduce((sum, value) => sum + (value - mean2) ** 2, 0) / (logarithms.length - 1));
}
function validate(figures = publishedFigures, { numbers, intervals = true, onProgress } = {}) {
  const parsed = parseFigures(figures);
  parsed.forEach(checkFigure);
  const simulate = createSimulator({ numbers });
  const open = intervals ? fittedEnsemble.map((draw) => createSimulator({ numbers: draw, short: true })) : [];
  const rows = parsed.map((figure2, index) => {
    const path = `figures[${index}]`;
    const row = inFigure(path, () => rowOf(figure2, simulate, open, numbers));
    onProgress?.({ id: figure2.id, done: index + 1, total: parsed.length });
    return row;
  });
  const profiles2 = new Set(rows.map(({ profile: profile2 }) => profile2));
  const parameters = Object.keys(numbers ?? fittedNumbers).filter((name) => {
    const owner = name.includes(".") ? name.slice(0, name.indexOf(".")) : void 0;
    return owner === void 0 || profiles2.has(owner);
  });
  const judged = rows.filter(({ inside }) => inside !== void 0);
  return {
    figures: rows,
    summary: {
      fitted: { ...sizeSummary(rows.filter(({ fitted }) => fitted)), parameters: parameters.length },
      heldOut: sizeSummary(rows.filter(({ fitted }) => !fitted)),
      inside: { n: judged.filter(({ inside }) => inside).length, of: judged.length }
    }
  };
}
function rowOf(figure2, simulate, open, numbers) {
  const { id: id2, source: source3, published: published2, unit, metric, fitted, family: family2, setup: setup2, note } = figure2;
  const { simulated, report } = simulate(figure2);
  const error = (value) => 100 * (value - published2) / published2;
  let interval;
  if (open.length > 1) {
    const tolerance = (figure2.tolerancePct ?? usualTolerancePct) / 100;
    const factor = Math.exp(nineInTen * Math.hypot(openSpread(figure2, open), tolerance));
    interval = [simulated / factor, simulated * factor];
  }
  return {
    id: id2,
    source: source3,
    published: published2,
    simulated,
    errorPct: error(simulated),
    unit,
    metric,
    profile: report.profile,
    fitted,
    ...interval === void 0 ? {} : { interval, inside: published2 >= interval[0] && published2 <= interval[1] },
    ...family2 === void 0 ? {} : { family: family2 },
    ...setup2 === void 0 ? {} : { setup: setup2 },
    ...note === void 0 ? {} : { note },
    assumed: report.assumed,
    alternatives: figure2.alternatives.map(({ name, set }) => {
      const scenario2 = withChanges(scenarioOfFigure(figure2.scenario, "scenario"), set);
      const other = createSimulator({ numbers })({ ...figure2, scenario: scenario2 }).simulated;
      return { name, simulated: other, errorPct: error(other) };
    })
  };
}

// src/engine/recorded.ts
import { enablePatches, freeze, produce, produceWithPatches } from "immer";

// src/engine/schema.ts
function loadState(schema2, json, path = "", lists = {}) {
  const later = [];
  const state = schema2.load(json, path, later);
  const lengthOf = (list2) => {
    const inside = state[list2];
    return Array.isArray(inside) ? inside.length : lists[list2] ?? 0;
  };
  for (const check of later) check(lengthOf);
  return state;
}
function differenceTo(schema2, presented, to) {
  const differences = [];
  schema2.compare(presented, to, [], differences);
  return differences;
}
function fieldPath(path, name) {
  return path === "" ? name : `${path}.${name}`;
}
function show(value) {
  const text2 = JSON.stringify(value) ?? String(value);
  return text2.length > 40 ? `${text2.slice(0, 37)}...` : text2;
}
function compareOne(from, to, path, differences) {
  if (from !== to) differences.push({ path: [...path], from, to });
}
function loadFields(json, path, names3) {
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new InputError(path, `${show(json)} is not an object`);
  }
  for (const name of Object.keys(json)) {
    if (!names3.includes(name)) throw new InputError(fieldPath(path, name), "is not a field of the state");
  }
  for (const name of names3) {
    if (!Object.hasOwn(json, name)) throw new InputError(fieldPath(path, name), "is missing");
  }
  return json;
}

// src/engine/schema-values.ts
var twoTo322 = 2 ** 32;
function integer2(min, max) {
  const common = {
    omitted: void 0,
    save: (value) => value,
    load: (json, path) => {
      if (typeof json === "number" && Number.isInteger(json) && json >= min && json <= max) return json;
      throw new InputError(path, `${show(json)} is not an integer from ${min} to ${max}`);
    },
    compare: compareOne
  };
  const encode = (value, words, offset) => {
    words[offset] = value;
    return offset + 1;
  };
  if (min >= -(2 ** 31) && max < 2 ** 31) {
    return {
      ...common,
      word: 1,
      encode,
      decode: (words, offset, holder, key) => {
        holder[key] = words[offset];
        return offset + 1;
      }
    };
  }
  if (min >= 0 && max < twoTo322) {
    return {
      ...common,
      word: 2,
      encode,
      decode: (words, offset, holder, key) => {
        holder[key] = words[offset] >>> 0;
        return offset + 1;
      }
    };
  }
  return {
    ...common,
    word: 0,
    encode: (value, words, offset) => {
      words[offset] = value;
      words[offset + 1] = Math.floor(value / twoTo322);
      return offset + 2;
    },
    decode: (words, offset, holder, key) => {
      holder[key] = words[offset + 1] * twoTo322 + (words[offset] >>> 0);
      return offset + 2;
    }
  };
}
var flag = integer2(0, 1);
var register = integer2(0, twoTo322 - 1);
var cycles = integer2(0, Number.MAX_SAFE_INTEGER);
var safeInteger2 = integer2(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
function id(of, least = 0) {
  const index = integer2(least, 2 ** 31 - 1);
  return {
    ...index,
    load: (json, path, later) => {
      const value = index.load(json, path, later);
      later.push((lengthOf) => {
        const length = lengthOf(of);
        if (value >= length) throw new InputError(path, `${of}[${value}] does not exist (${length} available)`);
      });
      return value;
    }
  };
}
function list(of, length) {
  const fixed = typeof length === "number" ? length : -1;
  const { word } = of;
  const checkLength = (count6, wanted, path) => {
    if (count6 !== wanted) {
      const why = typeof length === "string" ? `, one for each of '${length}'` : "";
      throw new InputError(path, `has ${count6} elements, not ${wanted}${why}`);
    }
  };
  const schema2 = {
    word: 0,
    omitted: void 0,
    encode: (value, words, offset) => {
      const count6 = value.length;
      let at = offset;
      if (fixed < 0) words[at++] = count6;
      if (word === 0) {
        for (let i = 0; i < count6; i++) at = of.encode(value[i], words, at);
      } else {
        for (let i = 0; i < count6; i++) words[at++] = value[i];
      }
      return at;
    },
    decode: (words, offset, holder, key) => {
      let value = holder[key];
      if (value === void 0) {
        value = [];
        holder[key] = value;
      }
      let at = offset;
      const count6 = fixed < 0 ? words[at++] : fixed;
      while (value.length > count6) value.pop();
      if (word === 0) for (let i = 0; i < count6; i++) at = of.decode(words, at, value, i);
      else if (word === 1) for (let i = 0; i < count6; i++) value[i] = words[at++];
      else for (let i = 0; i < count6; i++) value[i] = words[at++] >>> 0;
      return at;
    },
    save: (value) => value.map((element) => of.save(element)),
    load: (json, path, later) => {
      if (!Array.isArray(json)) throw new InputError(path, `${show(json)} is not a list`);
      const count6 = json.length;
      if (typeof length === "string") later.push((lengthOf) => checkLength(count6, lengthOf(length), path));
      else if (length !== void 0) checkLength(count6, length, path);
      return json.map((element, index) => of.load(element, `${path}[${index}]`, later));
    },
    compare: (presented, value, path, differences) => {
      compareLists(of, presented, value, path, differences);
    }
  };
  const { encode, decode } = schema2;
  return { ...schema2, composition: { kind: "list", of, encode, decode } };
}
function compareLists(of, presented, value, path, differences) {
  const common = Math.min(presented.length, value.length);
  for (let i = 0; i < common; i++) {
    path.push(i);
    of.compare(presented[i], value[i], path, differences);
    path.pop();
  }
  for (let i = common; i < value.length; i++) {
    differences.push({ path: [...path, i], from: void 0, to: of.save(value[i]) });
  }
  for (let i = presented.length - 1; i >= common; i--) {
    differences.push({ path: [...path, i], from: presented[i], to: void 0 });
  }
}
function pair(of) {
  return list(of, 2);
}
function ignored(initial) {
  return {
    word: 0,
    omitted: initial,
    encode: (_value, _words, offset) => offset,
    decode: (_words, offset) => offset,
    save: () => null,
    load: initial,
    compare: () => {
    }
  };
}
function record3(fields) {
  const all = Object.entries(fields);
  const kept2 = all.filter(([, schema3]) => schema3.omitted === void 0);
  const names3 = kept2.map(([name]) => name);
  const schemas = kept2.map(([, schema3]) => schema3);
  const wordOf = schemas.map(({ word }) => word);
  const count6 = names3.length;
  const create = (words, offset, holder, key) => {
    const object = {};
    let at = offset;
    for (const [name, schema3] of all) {
      if (schema3.omitted === void 0) at = schema3.decode(words, at, object, name);
      else object[name] = schema3.omitted();
    }
    holder[key] = object;
    return at;
  };
  const schema2 = {
    word: 0,
    omitted: void 0,
    fields,
    encode: (value, words, offset) => {
      const object = value;
      let at = offset;
      for (let i = 0; i < count6; i++) {
        const field = object[names3[i]];
        if (wordOf[i] === 0) at = schemas[i].encode(field, words, at);
        else words[at++] = field;
      }
      return at;
    },
    decode: (words, offset, holder, key) => {
      const object = holder[key];
      if (object === void 0) return create(words, offset, holder, key);
      let at = offset;
      for (let i = 0; i < count6; i++) {
        const name = names3[i];
        const word = wordOf[i];
        if (word === 0) at = schemas[i].decode(words, at, object, name);
        else object[name] = word === 1 ? words[at++] : words[at++] >>> 0;
      }
      return at;
    },
    save: (value) => {
      const object = value;
      return Object.fromEntries(kept2.map(([name, schema3]) => [name, schema3.save(object[name])]));
    },
    load: (json, path, later) => {
      const presented = loadFields(json, path, names3);
      const state = {};
      for (const [name, schema3] of all) {
        state[name] = schema3.omitted?.() ?? schema3.load(presented[name], fieldPath(path, name), later);
      }
      return state;
    },
    compare: (presented, value, path, differences) => {
      const from = presented;
      const object = value;
      for (let i = 0; i < count6; i++) {
        const name = names3[i];
        path.push(name);
        schemas[i].compare(from[name], object[name], path, differences);
        path.pop();
      }
    }
  };
  const { encode, decode } = schema2;
  return { ...schema2, composition: { kind: "record", fields: all, encode, decode } };
}

// src/engine/schema-frames.ts
var twoTo323 = 2 ** 32;
var frameFields = ["at", "value", "left", "event", "locals"];
var stageAt = {
  ...integer2(-1, 2 ** 31 - 1),
  save: (at) => at < 0 ? null : stageName(at),
  load: (json, path) => json === null ? -1 : loadStage(json, path),
  compare: (presented, at, path, differences) => {
    compareOne(presented, at < 0 ? null : stageName(at), path, differences);
  }
};
function loadStage(json, path) {
  const at = typeof json === "string" ? stageNumber(json) : -1;
  if (at < 0)
    throw new InputError(path, typeof json === "string" ? `no stage '${json}'` : `${show(json)} is not a name`);
  return at;
}
function routineOf(at) {
  return stageTable[at].routine;
}
function encodeFrame(frame2, words, offset) {
  const { at, value, locals } = frame2;
  const { localNames } = routineOf(at);
  words[offset] = at * 4 + frame2.event * 2;
  words[offset + 1] = value;
  let fits = (value | 0) === value;
  let end = offset + 2;
  for (let i = 0; i < localNames.length; i++) {
    const local2 = locals[localNames[i]];
    if ((local2 | 0) !== local2) fits = false;
    words[end++] = local2;
  }
  return fits ? end : encodeWide(frame2, localNames, words, offset);
}
function encodeWide(frame2, localNames, words, offset) {
  words[offset] = frame2.at * 4 + frame2.event * 2 + 1;
  let end = offset + 1;
  for (let i = -1; i < localNames.length; i++) {
    const name = localNames[i];
    const number4 = i < 0 ? frame2.value : frame2.locals[name];
    if (!Number.isSafeInteger(number4)) {
      throw new InternalError(
        stageName(frame2.at),
        `${i < 0 ? "the returned value" : name} is ${number4}, not an integer`
      );
    }
    words[end] = number4;
    words[end + 1] = Math.floor(number4 / twoTo323);
    end += 2;
  }
  return end;
}
function decodeFrame(words, offset, thread2, index) {
  const header = words[offset];
  const at = header >>> 2;
  const routine = routineOf(at);
  let frame2 = thread2[index];
  if (frame2 === void 0) {
    frame2 = { at, value: 0, left: 0, event: 0, locals: routine.locals() };
    thread2[index] = frame2;
  } else if (routineOf(frame2.at) !== routine) {
    frame2.locals = routine.locals();
  }
  frame2.at = at;
  frame2.left = 0;
  frame2.event = header >> 1 & 1;
  const { locals } = frame2;
  const { localNames } = routine;
  let end = offset + 1;
  if ((header & 1) === 0) {
    frame2.value = words[end++];
    for (let i = 0; i < localNames.length; i++) locals[localNames[i]] = words[end++];
    return end;
  }
  for (let i = -1; i < localNames.length; i++) {
    const number4 = words[end + 1] * twoTo323 + (words[end] >>> 0);
    if (i < 0) frame2.value = number4;
    else locals[localNames[i]] = number4;
    end += 2;
  }
  return end;
}
function loadFrame(json, path) {
  const presented = loadFields(json, path, frameFields);
  const at = loadStage(presented["at"], `${path}.at`);
  const { localNames } = routineOf(at);
  const given = loadFields(presented["locals"], `${path}.locals`, localNames);
  const locals = routineOf(at).locals();
  for (const name of localNames) locals[name] = safeInteger2.load(given[name], `${path}.locals.${name}`, []);
  return {
    at,
    value: safeInteger2.load(presented["value"], `${path}.value`, []),
    left: cycles.load(presented["left"], `${path}.left`, []),
    event: flag.load(presented["event"], `${path}.event`, []),
    locals
  };
}
var frame = {
  word: 0,
  omitted: void 0,
  encode: encodeFrame,
  decode: (words, offset, holder, key) => decodeFrame(words, offset, holder, key),
  save: ({ at, value, left: left2, event, locals }) => {
    const named = {};
    for (const name of routineOf(at).localNames) named[name] = locals[name];
    return { at: stageName(at), value, left: left2, event, locals: named };
  },
  load: loadFrame,
  compare: (presented, value, path, differences) => {
    const from = presented;
    const old = from["at"];
    const { routine } = stageTable[value.at];
    const same = old.slice(0, old.lastIndexOf(".")) === routine.name;
    const field = (name, to) => {
      path.push(name);
      compareOne(from[name], to, path, differences);
      path.pop();
    };
    field("at", stageName(value.at));
    field("value", value.value);
    field("left", value.left);
    field("event", value.event);
    path.push("locals");
    const locals = from["locals"];
    if (same) {
      for (const name of routine.localNames) {
        path.push(name);
        compareOne(locals[name], value.locals[name], path, differences);
        path.pop();
      }
    } else {
      differences.push({ path: [...path], from: locals, to: { ...value.locals } });
    }
    path.pop();
  }
};
var thread = {
  word: 0,
  omitted: void 0,
  encode: (thread2, words, offset) => {
    const depth = thread2.length;
    words[offset] = depth;
    let end = offset + 1;
    for (let i = 0; i < depth; i++) end = encodeFrame(thread2[i], words, end);
    return end;
  },
  decode: (words, offset, holder, key) => {
    const slots = holder;
    let thread2 = slots[key];
    if (thread2 === void 0) {
      thread2 = [];
      slots[key] = thread2;
    }
    const depth = words[offset];
    while (thread2.length > depth) thread2.pop();
    let end = offset + 1;
    for (let i = 0; i < depth; i++) end = decodeFrame(words, end, thread2, i);
    return end;
  },
  save: (thread2) => thread2.map((value) => frame.save(value)),
  load: (json, path) => {
    if (!Array.isArray(json)) throw new InputError(path, `${show(json)} is not a list of frames`);
    return json.map((value, index) => loadFrame(value, `${path}[${index}]`));
  },
  compare: (presented, thread2, path, differences) => {
    compareLists(frame, presented, thread2, path, differences);
  }
};
var frames = {
  ...thread,
  composition: { kind: "thread", encode: thread.encode, decode: thread.decode }
};

// src/engine/schema-store-buffer.ts
var locationIndex = integer2(0, 2 ** 31 - 1);
var storeWords = 4;
var storeBuffer = {
  word: 0,
  omitted: void 0,
  encode: (buffer, words, offset) => {
    words[offset] = buffer.length / 3;
    let at = offset + 1;
    for (let i = 0; i < buffer.length; i += 3, at += storeWords) {
      words[at] = buffer[i];
      words[at + 1] = buffer[i + 1];
      safeInteger2.encode(buffer[i + 2], words, at + 2);
    }
    return at;
  },
  decode: (words, offset, holder, key) => {
    const slots = holder;
    let buffer = slots[key];
    if (buffer === void 0) {
      buffer = [];
      slots[key] = buffer;
    }
    const length = 3 * words[offset];
    while (buffer.length > length) buffer.pop();
    let at = offset + 1;
    for (let i = 0; i < length; i += 3, at += storeWords) {
      buffer[i] = words[at];
      buffer[i + 1] = words[at + 1];
      safeInteger2.decode(words, at + 2, buffer, i + 2);
    }
    return at;
  },
  save: present,
  load: (json, path) => {
    if (!Array.isArray(json)) throw new InputError(path, `${show(json)} is not a list of stores`);
    return json.flatMap((entry, i) => loadStore(entry, `${path}[${i}]`));
  },
  compare: (presented, buffer, path, differences) => {
    const old = presented;
    const now = present(buffer);
    for (let i = 0; i < now.length; i++) {
      const [from, to] = [old[i], now[i]];
      if (from === void 0 || from.some((part, j) => part !== to[j])) {
        differences.push({ path: [...path, i], from, to });
      }
    }
    for (let i = old.length - 1; i >= now.length; i--) {
      differences.push({ path: [...path, i], from: old[i], to: void 0 });
    }
  }
};
function present(buffer) {
  const stores = [];
  for (let i = 0; i < buffer.length; i += 3) {
    const { name } = locations[buffer[i]];
    stores.push([name, buffer[i + 1], buffer[i + 2]]);
  }
  return stores;
}
function loadStore(entry, path) {
  if (!Array.isArray(entry) || entry.length !== 3) {
    throw new InputError(path, `${show(entry)} is not a store [location, index, value]`);
  }
  const found = locations.find(({ name }) => name === entry[0]);
  if (found === void 0) throw new InputError(`${path}[0]`, `no location ${show(entry[0])}`);
  return [found.number, locationIndex.load(entry[1], `${path}[1]`, []), safeInteger2.load(entry[2], `${path}[2]`, [])];
}

// src/engine/schema-engine.ts
var positive2 = integer2(0, 2 ** 31 - 1);
var processorFields = {
  id: id("processors"),
  thread: id("threads"),
  attention: positive2,
  masked: flag,
  shadow: positive2,
  inFlight: list(positive2),
  storeBuffer
};
var timer = record3({ armed: flag, expired: flag, channel: integer2(-1, 2 ** 31 - 1) });
function processorSchema(extra) {
  return record3({ ...processorFields, ...extra });
}
function machineSchema2(processor2, extra) {
  const engineFields = {
    processors: list(processor2),
    threads: list(frames),
    timers: list(timer),
    storeBuffers: flag,
    requests: ignored(emptyRequests)
  };
  return record3({ ...engineFields, ...extra });
}
var timingSchema = record3({
  now: cycles,
  begun: flag,
  event: list(cycles, "processors"),
  phase: list(integer2(-4, 2 ** 31 - 1), "processors"),
  workEnd: list(cycles, "processors"),
  waiters: list(list(id("processors"))),
  timerEvent: list(cycles, "timers"),
  deadline: list(cycles, "timers"),
  lineOwner: list(id("processors", -1)),
  random: list(list(register, 4), "processors"),
  messageTo: list(id("processors")),
  message: list(positive2),
  freeMessages: list(id("message"))
});
var queueSchema = record3({
  size: positive2,
  next: cycles,
  time: list(cycles),
  sequence: list(cycles),
  event: list(integer2(-(2 ** 31), 2 ** 31 - 1))
});

// src/engine/save.ts
var savedFormat = 1;
function saveRun(state, schemas) {
  const { timing, queue } = withoutRemains(state.timing, state.queue);
  return {
    format: savedFormat,
    machine: schemas.machine.save(state.machine),
    timing: timingSchema.save(timing),
    queue: queueSchema.save(queue),
    observers: schemas.observers.save(state.observers)
  };
}
function loadRun(json, schemas) {
  const saved = loadFields(json, "", ["format", "machine", "timing", "queue", "observers"]);
  if (saved["format"] !== savedFormat) {
    throw new InputError(
      "format",
      `${show(saved["format"])} is not a format of this version, which reads ${savedFormat}`
    );
  }
  const machine = loadState(schemas.machine, saved["machine"], "machine");
  const lists = listLengths(machine);
  const timing = loadState(timingSchema, saved["timing"], "timing", lists);
  const queue = loadState(queueSchema, saved["queue"], "queue", lists);
  const observers = loadState(schemas.observers, saved["observers"], "observers", lists);
  checkMachine(machine, timing);
  checkQueue(machine, timing, queue);
  checkTiming(machine, timing, queue);
  return { machine, timing, queue, observers };
}
function listLengths(machine) {
  const lists = Object.entries(machine).filter((entry) => Array.isArray(entry[1]));
  return Object.fromEntries(lists.map(([name, list2]) => [name, list2.length]));
}
function withoutRemains(timing, queue) {
  const order = Array.from({ length: queue.size }, (_, i) => i).filter((i) => isLive(timing, queue.event[i], queue.sequence[i])).sort((a, b) => {
    const difference = queue.time[a] - queue.time[b];
    if (difference !== 0) return difference;
    const [first, second] = [queue.event[a], queue.event[b]];
    return before(first, queue.sequence[a], second, queue.sequence[b]) ? -1 : 1;
  });
  const sequences = order.map((_, i) => i + 1);
  const kept2 = {
    ...timing,
    event: timing.event.map(() => 0),
    workEnd: timing.workEnd.map((end, p) => timing.phase[p] === Phase.working ? end : 0),
    timerEvent: timing.timerEvent.map(() => 0),
    deadline: timing.deadline.map((deadline, i) => timing.timerEvent[i] === 0 ? 0 : deadline),
    messageTo: [],
    message: [],
    freeMessages: []
  };
  const event = order.map((place, i) => {
    const old = queue.event[place];
    if (old >= 0) {
      kept2.event[old] = sequences[i];
    } else if (isTimer(old)) {
      kept2.timerEvent[timerOf(old)] = sequences[i];
    } else {
      kept2.messageTo.push(timing.messageTo[slotOf(old)]);
      kept2.message.push(timing.message[slotOf(old)]);
      return messageEvent(kept2.message.length - 1);
    }
    return old;
  });
  const time = order.map((place) => queue.time[place]);
  return { timing: kept2, queue: { size: order.length, next: order.length + 1, time, sequence: sequences, event } };
}
function checkMachine({ processors: processors2, timers }, { waiters }) {
  processors2.forEach(({ id: id2 }, p) => {
    if (id2 !== p) throw new InputError(`machine.processors[${p}].id`, `is ${id2}, not its index`);
  });
  timers.forEach(({ channel }, i) => {
    if (channel < waiters.length) return;
    throw new InputError(
      `machine.timers[${i}].channel`,
      `there is no channel ${channel} (${waiters.length} available)`
    );
  });
}
function checkQueue(machine, timing, queue) {
  for (const name of ["time", "sequence", "event"]) {
    if (queue[name].length !== queue.size) {
      throw new InputError(`queue.${name}`, `has ${queue[name].length} elements, not ${queue.size}`);
    }
  }
  const arriving = machine.processors.map(({ inFlight }) => [...inFlight]);
  const slots = /* @__PURE__ */ new Set();
  queue.event.forEach((event, i) => {
    const sequence = queue.sequence[i];
    const wrong = (list2, reason) => {
      throw new InputError(`queue.${list2}[${i}]`, reason);
    };
    if (queue.time[i] < timing.now) wrong("time", `is before ${timing.now}, which is now`);
    if (sequence === 0 || sequence >= queue.next) wrong("sequence", `${sequence} is not from 1 to ${queue.next - 1}`);
    if (queue.sequence.indexOf(sequence) !== i) wrong("sequence", `${sequence} is there already`);
    if (event >= 0 || isTimer(event)) {
      if (!isLive(timing, event, sequence)) wrong("event", "is not the event of its processor or timer in timing");
      if (event < 0 && machine.timers[timerOf(event)]?.armed !== 1) wrong("event", "its timer is not armed");
      return;
    }
    const slot = slotOf(event);
    if (slot >= timing.message.length || slots.has(slot)) wrong("event", `there is no message ${slot}, or two of it`);
    slots.add(slot);
    const messages = arriving[timing.messageTo[slot]];
    const found = messages.indexOf(timing.message[slot]);
    if (found < 0) wrong("event", "its message is not in flight to its processor");
    messages.splice(found, 1);
  });
}
function checkTiming(machine, timing, queue) {
  const queued = new Set(queue.sequence);
  for (const name of ["event", "timerEvent"]) {
    timing[name].forEach((sequence, i) => {
      if (sequence !== 0 && !queued.has(sequence)) {
        throw new InputError(`timing.${name}[${i}]`, `no event of sequence ${sequence} in the queue`);
      }
    });
  }
  timing.random.forEach((words, p) => {
    if (words.every((word) => word === 0)) {
      throw new InputError(`timing.random[${p}]`, "is all 0, which is no state of a generator");
    }
  });
  if (timing.messageTo.length !== timing.message.length) {
    throw new InputError("timing.messageTo", `has ${timing.messageTo.length} elements, not ${timing.message.length}`);
  }
  machine.processors.forEach((processor2, p) => {
    checkPhase(machine, timing, processor2, `timing.phase[${p}]`);
  });
  const waiting = timing.phase.filter((phase) => phase >= 0).length;
  const listed = timing.waiters.reduce((sum, waiters) => sum + waiters.length, 0);
  if (waiting !== listed) throw new InputError("timing.waiters", `has ${listed} processors, but ${waiting} wait`);
}
function checkPhase(machine, timing, processor2, path) {
  const p = processor2.id;
  const phase = timing.phase[p];
  const frame2 = topFrame(machine.threads[processor2.thread]);
  const type = frame2 === void 0 ? void 0 : stageTable[frame2.at]?.type;
  const hasEvent = timing.event[p] !== 0;
  if (hasEvent !== (phase < 0 && phase !== Phase.idle)) {
    throw new InputError(path, `is ${phase}, but the processor has ${hasEvent ? "an" : "no"} event`);
  }
  if (phase >= 0 && !timing.waiters[phase]?.includes(p)) {
    throw new InputError(path, `is channel ${phase}, on which the processor does not wait`);
  }
  if (timing.begun === 0 || phase === Phase.beginning) return;
  const fits = hasEvent ? type === StageType.ordinary || type === StageType.wait : type === StageType.wait || type === void 0 && phase === Phase.idle;
  if (!fits) throw new InputError(path, `is ${phase}, which does not go with the next stage of the thread`);
}

// src/engine/recorded.ts
var Recording = class {
  entries;
  /** Why the run ended. */
  end;
  saved;
  schemas;
  position;
  /** @internal */
  constructor(entries, end, saved, schemas) {
    this.entries = entries;
    this.end = end;
    this.saved = saved;
    this.schemas = schemas;
    this.position = entries.length - 1;
  }
  /** The step it stands at. */
  get current() {
    return this.entries[this.position];
  }
  /** Goes one step on and returns it; undefined at the end. */
  forward() {
    return this.position + 1 < this.entries.length ? this.at(this.position + 1) : void 0;
  }
  /** Goes one step back and returns it; undefined at the beginning. */
  back() {
    return this.position > 0 ? this.at(this.position - 1) : void 0;
  }
  /** Goes to a step and returns it. Throws an {@link InputError} if there is no such step. */
  at(index) {
    const entry = this.entries[index];
    if (entry === void 0) {
      throw new InputError("index", `there is no step ${index} (0 to ${this.entries.length - 1})`);
    }
    this.position = index;
    return entry;
  }
  /**
   * The whole state after a step, as a copy of its own: changed or not, it can be run on, recorded, saved.
   *
   * @param index - the step; the one it stands at if not given
   */
  fork(index = this.position) {
    const { position } = this;
    this.at(index);
    this.position = position;
    return loadRun(this.saved[index], this.schemas);
  }
};
function recordRun(state, options, schemas, limit = {}) {
  enablePatches();
  const ended = [];
  const run = new TimedRun(state, {
    ...options,
    plain: true,
    onStage: (processor2, stage43, start, end, frame2) => {
      ended.push({ kind: "stage", processor: processor2, stage: stageName(stage43.at), start, end });
      options.onStage?.(processor2, stage43, start, end, frame2);
    }
  });
  run.run({ time: -1 });
  const { now } = state.timing;
  let saved = freeze(saveRun(state, schemas), true);
  const kept2 = [saved];
  const begin = { kind: "begin", processor: -1, stage: "", start: now, end: now };
  const entries = [{ index: 0, ...begin, patches: [], snapshot: saved.machine }];
  const finish = (end) => new Recording(entries, end, kept2, schemas);
  for (; ; ) {
    const time = run.nextTime();
    if (time === Number.POSITIVE_INFINITY) return finish("quiescent");
    if (time > (limit.time ?? Number.POSITIVE_INFINITY)) return finish("time");
    if (run.stages >= (limit.stages ?? Number.POSITIVE_INFINITY)) return finish("stages");
    const event = state.queue.event[0];
    const other = event < 0 ? otherStep(state, event, time) : void 0;
    run.run({ stages: 0 });
    const step3 = ended.pop() ?? other;
    if (step3 !== void 0) {
      const [machine, patches] = carry(saved.machine, differenceTo(schemas.machine, saved.machine, state.machine));
      saved = freeze({ ...saved, machine, ...carryRest(saved, state, schemas) });
      kept2.push(saved);
      entries.push({ index: entries.length, ...step3, patches, snapshot: machine });
    }
  }
}
function otherStep({ timing }, event, time) {
  const when = { start: time, end: time };
  if (isTimer(event)) return { kind: "expiry", processor: -1, stage: `timer ${timerOf(event)}`, ...when };
  const slot = slotOf(event);
  const [processor2, message] = [timing.messageTo[slot], timing.message[slot]];
  return { kind: "arrival", processor: processor2, stage: `message ${message}`, ...when };
}
function carry(from, differences) {
  const [to, patches] = produceWithPatches(from, (draft) => apply(draft, differences));
  return [to, patches];
}
function carryRest(saved, state, schemas) {
  const { timing, queue } = withoutRemains(state.timing, state.queue);
  const next = (from, differences) => produce(from, (draft) => apply(draft, differences));
  return {
    timing: next(saved.timing, differenceTo(timingSchema, saved.timing, timing)),
    queue: next(saved.queue, differenceTo(queueSchema, saved.queue, queue)),
    observers: next(saved.observers, differenceTo(schemas.observers, saved.observers, state.observers))
  };
}
function apply(presented, differences) {
  for (const { path, to } of differences) {
    let holder = presented;
    for (let i = 0; i < path.length - 1; i++) holder = holder[path[i]];
    const last = path[path.length - 1];
    if (to === void 0) holder.pop();
    else holder[last] = to;
  }
}

// src/guest/schema.ts
var count2 = integer2(0, 2 ** 31 - 1);
var guestFields = {
  guests: list(
    record3({
      ipiLock: count2,
      ipiFunction: count2,
      ipiData: count2,
      ipiDone: count2,
      ipiWait: count2,
      activeCpus: count2,
      line: count2,
      doneChannel: count2,
      handled: count2,
      handledChannel: count2,
      faults: count2,
      x2apic: flag,
      addressMode: integer2(0, 2)
    })
  )
};

// src/hardware/schema.ts
var count3 = integer2(0, 2 ** 31 - 1);
var vector = integer2(0, 255);
var address = integer2(0, 2 ** 52 - 1);
var u642 = pair(register);
var bits256 = list(register, 8);
var interruptTable = alternating(count3, stageAt);
function alternating(first, second) {
  const pairs = list(record3({ vector: first, handler: second }));
  const split = (flat) => Array.from({ length: flat.length / 2 }, (_, i) => ({
    vector: flat[2 * i],
    handler: flat[2 * i + 1]
  }));
  const join = (rows) => rows.flatMap(({ vector: vector2, handler }) => [vector2, handler]);
  const plain = list(integer2(-1, 2 ** 31 - 1));
  return {
    ...plain,
    save: (value) => pairs.save(split(value)),
    load: (json, path, later) => join(pairs.load(json, path, later)),
    compare: (presented, value, path, differences) => pairs.compare(presented, split(value), path, differences)
  };
}
var physicalApic = record3({ id: id("processors"), irr: bits256, isr: bits256 });
var processorFields2 = {
  apic: physicalApic,
  nonRoot: flag,
  vcpu: id("vcpus", -1),
  hostThread: id("threads"),
  halted: flag,
  nmi: flag,
  expiredTimers: list(id("timers"))
};
var vmcs = record3({
  pinBasedControls: register,
  primaryControls: register,
  secondaryControls: register,
  tertiaryControls: u642,
  exitControls: register,
  tprThreshold: register,
  guestInterruptStatus: integer2(0, 65535),
  eoiExitBitmap0: u642,
  eoiExitBitmap1: u642,
  eoiExitBitmap2: u642,
  eoiExitBitmap3: u642,
  postedInterruptNotificationVector: integer2(0, 65535),
  postedInterruptDescriptorAddress: u642,
  pidPointerTableAddress: u642,
  lastPidPointerIndex: integer2(0, 65535)
});
var page = record3({
  id: register,
  version: register,
  tpr: register,
  ppr: register,
  eoi: register,
  ldr: register,
  dfr: register,
  svr: register,
  isr: bits256,
  tmr: bits256,
  irr: bits256,
  esr: register,
  lvtCmci: register,
  icrLow: register,
  icr64High: register,
  icrHigh: register,
  lvtTimer: register,
  lvtThermal: register,
  lvtPerformance: register,
  lvtLint0: register,
  lvtLint1: register,
  lvtError: register,
  initialCount: register,
  currentCount: register,
  divideConfiguration: register,
  other: list(register)
});
var vcpuFields = {
  vmcs,
  page,
  recognized: flag,
  interruptFlag: flag,
  interruptibility: integer2(0, 31),
  activity: integer2(0, 3),
  id: id("vcpus"),
  vm: id("vms"),
  thread: id("threads"),
  pid: id("vcpus", -1),
  msrBitmap: record3({ read: bits256, write: bits256 }),
  exit: record3({
    reason: count3,
    qualification: register,
    interruptionInformation: register,
    msr: register,
    low: register,
    high: register,
    access: count3,
    offset: count3
  }),
  descriptorLine: count3,
  channel: integer2(-1, 2 ** 31 - 1),
  guestInterrupts: interruptTable,
  entryInterruption: register,
  preemptionTimer: id("timers", -1),
  preemptionTimerValue: register
};
var hardwareFields = {
  memory: record3({
    descriptorBase: address,
    descriptors: list(record3({ pir: bits256, on: flag, sn: flag, nv: vector, ndst: register })),
    pidPointerTables: list(record3({ address, entries: list(address) }))
  }),
  hostInterrupts: interruptTable,
  timerUses: list(
    record3({
      kind: count3,
      processor: id("processors", -1),
      vector: integer2(0, 255),
      owner: integer2(-1, 2 ** 31 - 1),
      handler: stageAt
    })
  ),
  apicPageMapping: list(count3)
};

// src/host/schema.ts
var count4 = integer2(0, 2 ** 31 - 1);
var hostFields = {
  tasks: list(
    record3({
      id: id("tasks"),
      thread: id("threads"),
      state: flag,
      onRunQueue: flag,
      onCpu: flag,
      cpu: id("processors"),
      allowed: list(id("processors")),
      owner: integer2(-1, 2 ** 31 - 1),
      schedIn: stageAt,
      schedOut: stageAt
    })
  ),
  runQueues: list(
    record3({
      queue: list(id("tasks")),
      current: id("tasks"),
      idle: id("tasks"),
      needResched: flag,
      polling: flag,
      channel: count4,
      line: count4,
      sliceTimer: id("timers")
    })
  ),
  scheduler: record3({ sliceCycles: cycles, wakeupPreemption: flag, mwaitIdle: flag })
};

// src/kvm/schema.ts
var count5 = integer2(0, 2 ** 31 - 1);
var safe = integer2(0, Number.MAX_SAFE_INTEGER);
var kvmVcpuFields = {
  vcpuId: count5,
  task: id("tasks"),
  mode: integer2(0, 2),
  requests: count5,
  cpu: id("processors", -1),
  loaded: flag,
  preempted: flag,
  apicvActive: flag,
  mpState: integer2(0, 3),
  waiter: flag,
  wakeupList: id("processors", -1),
  irrPending: flag,
  pendingEvents: integer2(0, 3),
  sipiVector: integer2(0, 255),
  pvUnhalted: flag,
  nmiQueued: count5,
  nmiPending: count5,
  injected: register,
  exception: register,
  signalPending: flag,
  stopped: flag,
  apicMode: integer2(0, 2),
  haltPoll: cycles,
  pollTimer: id("timers", -1),
  lapicTimer: record3({
    hrtimer: id("timers", -1),
    deadline: safe,
    period: safe,
    expires: safe,
    hvInUse: flag,
    pending: count5,
    advance: cycles,
    expiredDeadline: safe
  }),
  modeLine: count5
};
var kvmVm = record3({
  vcpus: list(id("vcpus")),
  apicMap: list(id("vcpus", -1)),
  logicalMap: list(id("vcpus", -1)),
  logicalMode: integer2(0, 4),
  ioapic: list(record3({ low: register, destination: register, remoteIrr: flag, line: flag, resample: flag })),
  apicvInhibits: count5,
  bypassCount: count5,
  pidTableAddress: safe,
  maxVcpuIds: count5,
  flexpriority: flag,
  tprShadow: flag,
  hidesApicPage: flag,
  icrReservedFaults: flag,
  apicv: flag,
  ipiVirtualization: flag,
  icrFastpath: flag,
  tscDeadlineFastpath: flag,
  preemptionTimerFastpath: flag,
  hltFastpath: flag,
  preemptionTimer: flag,
  postedTimer: integer2(0, 2),
  timerProcessor: id("processors", -1),
  timerAdvance: integer2(0, 2),
  timerAdvanceCycles: cycles,
  timerWaitEarly: flag,
  apicTick: safe,
  cyclesPerMicrosecond: safe,
  hltInGuest: flag,
  mwaitInGuest: flag,
  haltPollMax: cycles,
  haltPollGrow: safe,
  haltPollGrowStart: cycles,
  haltPollShrink: safe
});
var kvmFields = { wakeupLists: list(list(id("vcpus"))), mitigations: count5 };

// src/scenarios/system-schema.ts
var processor = processorSchema(processorFields2);
var systemMachine = machineSchema2(processor, {
  vcpus: list(record3({ ...vcpuFields, ...kvmVcpuFields })),
  vms: list(kvmVm),
  ...hardwareFields,
  ...hostFields,
  ...kvmFields,
  ...guestFields
});
var signed = integer2(-2, 2 ** 53 - 1);
var finite3 = {
  ...cycles,
  load: (json, path, later) => typeof json === "number" && Number.isFinite(json) ? json : cycles.load(json, path, later)
};
var account = record3({ recent: list(cycles), cycles: list(cycles) });
var counters = record3({
  warmup: cycles,
  total: cycles,
  iterationBegan: signed,
  iterations: list(cycles),
  began: signed,
  ended: signed,
  closed: signed,
  exits: list(finite3),
  processors: list(account, "processors"),
  virtualCpus: list(account, "vcpus"),
  since: list(cycles, "vcpus"),
  outBy: list(signed, "vcpus"),
  notWork: list(cycles),
  tasks: list(signed, "tasks"),
  running: list(signed, "processors"),
  depth: list(cycles, "processors"),
  interrupted: list(cycles, "processors"),
  sent: cycles,
  delivered: cycles,
  coalesced: cycles
});
var systemSchemas = { machine: systemMachine, observers: counters };

// src/scenarios/machine.ts
function createMachine(input) {
  const config = parseMachine(input);
  return handleOf(config, createRun(config));
}
function restoreMachine(saved) {
  if (typeof saved !== "object" || saved === null) throw new InputError("", "is not a saved machine");
  const { config: rawConfig, run, ...others } = saved;
  const [other] = Object.keys(others);
  if (other !== void 0) throw new InputError(other, "is not a known key");
  const config = under("config", () => parseMachine(rawConfig));
  const made = createRun(config).state;
  const state = under("run", () => loadRun(run, systemSchemas));
  for (const part of ["processors", "threads", "timers", "vcpus", "vms"]) {
    if (state.machine[part].length !== made.machine[part].length) {
      throw new InputError(
        `run.machine.${part}`,
        `has ${state.machine[part].length} elements; this configuration makes ${made.machine[part].length}`
      );
    }
  }
  for (const part of ["waiters", "lineOwner"]) {
    if (state.timing[part].length !== made.timing[part].length) {
      throw new InputError(
        `run.timing.${part}`,
        `has ${state.timing[part].length} elements; this configuration makes ${made.timing[part].length}`
      );
    }
  }
  return handleOf(config, new TimedRun(state, timedOptions(config)));
}
function under(path, body) {
  try {
    return body();
  } catch (error) {
    if (error instanceof InputError)
      throw new InputError(error.path === "" ? path : `${path}.${error.path}`, error.reason);
    throw error;
  }
}
function handleOf(config, run) {
  const state = run.state;
  return {
    config,
    get now() {
      return state.timing.now;
    },
    get stages() {
      return run.stages;
    },
    get counters() {
      return state.observers;
    },
    run: (limit) => run.run(limit),
    snapshot: () => systemSchemas.machine.save(state.machine),
    save: () => ({ config, run: saveRun(state, systemSchemas) }),
    record: (limit) => {
      const recording = recordRun(state, timedOptions(config), systemSchemas, limit);
      return {
        entries: recording.entries,
        end: recording.end,
        get current() {
          return recording.current;
        },
        at: (index) => recording.at(index),
        forward: () => recording.forward(),
        back: () => recording.back(),
        fork: (index) => handleOf(config, new TimedRun(recording.fork(index), timedOptions(config)))
      };
    }
  };
}

// src/observe/pareto.ts
function paretoFront(costs) {
  const order = costs.map((_, index) => index);
  order.sort((a, b) => {
    const [a0, a1] = costs[a];
    const [b0, b1] = costs[b];
    return a0 - b0 || a1 - b1 || a - b;
  });
  let best = Number.POSITIVE_INFINITY;
  return order.filter((index) => {
    const [, second] = costs[index];
    if (second >= best) return false;
    best = second;
    return true;
  });
}
function kneeOf(front) {
  const first = front[0];
  const last = front[front.length - 1];
  if (first === void 0 || last === void 0 || front.length < 3) return void 0;
  let knee;
  let farthest = 1e-9;
  for (const [index, [a, b]] of front.entries()) {
    const distance = 1 - (a - first[0]) / (last[0] - first[0]) - (b - last[1]) / (first[1] - last[1]);
    if (distance > farthest) {
      farthest = distance;
      knee = index;
    }
  }
  return knee;
}

// src/scenarios/sweep.ts
var mostPoints = 1e5;
function sweepPoints(input, parameters) {
  const { variants = [] } = parseScenario(input);
  if (parameters.length === 0) throw new InputError("parameters", "a sweep needs at least one");
  const paths = parameters.map(({ path }) => path);
  const twice = paths.find((path, index) => paths.indexOf(path) !== index);
  if (twice !== void 0) throw new InputError(twice, "is a parameter twice");
  for (const path of paths) {
    const own = variants.find(({ set }) => Object.hasOwn(set, path));
    if (own !== void 0) throw new InputError(path, `is set by the variant '${own.name}' (choose others, or none)`);
  }
  let points = [{ values: [], scenario: input }];
  for (const { path, values } of parameters) {
    if (values.length === 0) throw new InputError(path, "has no values");
    if (points.length * values.length > mostPoints) throw new InputError(path, `makes more than ${mostPoints} points`);
    points = points.flatMap(
      (point) => values.map((value) => ({
        values: [...point.values, value],
        scenario: withValue(point.scenario, path, value)
      }))
    );
  }
  for (const { scenario: scenario2 } of points) checkScenario(scenario2);
  return points;
}
function runSweepPoint({ scenario: scenario2 }, point) {
  return runScenario(scenario2).variants.map((variant2) => {
    const { guest: guest2, host: host2, haltPoll } = variant2.cpu;
    return {
      point,
      variant: variant2.name,
      latencyCycles: variant2.latencyCycles,
      latencyNs: variant2.latencyNs,
      burntNs: (guest2 + host2 + haltPoll) / variant2.tscGhz / variant2.latencyCycles.n,
      cpu: variant2.cpu,
      exitsPerIteration: variant2.exitsPerIteration
    };
  });
}
function sweepReport(input, parameters, points, rows) {
  const { name, title = name } = parseScenario(input);
  const sorted = [...rows].sort((a, b) => a.point - b.point);
  const variants = [...new Set(sorted.map(({ variant: variant2 }) => variant2))];
  const done2 = new Set(sorted.map(({ point }) => point));
  return {
    scenario: name,
    title,
    parameters,
    points: points.map(({ values }) => values),
    complete: done2.size === points.length,
    rows: sorted,
    fronts: variants.map((variant2) => {
      const own = sorted.flatMap((row, index) => row.variant === variant2 ? [index] : []);
      const costs = own.map((index) => {
        const { burntNs, latencyNs } = sorted[index];
        return [burntNs, latencyNs.mean];
      });
      const front = paretoFront(costs);
      const knee = kneeOf(front.map((index) => costs[index]));
      return {
        variant: variant2,
        rows: front.map((index) => own[index]),
        ...knee === void 0 ? {} : { knee: own[front[knee]] }
      };
    })
  };
}
function sweepScenario(input, parameters, options = {}) {
  const points = sweepPoints(input, parameters);
  const rows = points.flatMap((point, index) => {
    const own = runSweepPoint(point, index);
    options.onProgress?.({ done: index + 1, total: points.length });
    return own;
  });
  return sweepReport(input, parameters, points, rows);
}

// src/scenarios/sweep-parameters.ts
var usualPoints = 11;
var most = 1e4;
function parseSweepParameter(text2) {
  const equals = text2.indexOf("=");
  if (equals < 1) throw new InputError(text2, "expected path=values, as host.haltPollNs=0..2000000");
  const path = text2.slice(0, equals);
  const values = [];
  const seen = /* @__PURE__ */ new Set();
  for (const item of separate(text2.slice(equals + 1))) {
    for (const value of valuesOf(path, item)) {
      const key = JSON.stringify(value);
      if (!seen.has(key)) values.push(value);
      seen.add(key);
    }
  }
  return { path, values };
}
function separate(text2) {
  const items = [""];
  let depth = 0;
  let quoted = false;
  for (const [index, character] of [...text2].entries()) {
    if (character === '"' && text2[index - 1] !== "\\") quoted = !quoted;
    if (!quoted && (character === "[" || character === "{")) depth++;
    if (!quoted && (character === "]" || character === "}")) depth--;
    if (character === "," && depth === 0 && !quoted) items.push("");
    else items[items.length - 1] += character;
  }
  return items;
}
function valuesOf(path, item) {
  const range = /^([^:]*)\.\.([^:]*)((?::[^:]*)*)$/.exec(item);
  if (range === null) {
    if (item === "") throw new InputError(path, "has an empty value in its list");
    try {
      return [JSON.parse(item)];
    } catch {
      return [item];
    }
  }
  const [, first = "", last = "", options = ""] = range;
  const from = numberOf(path, first);
  const to = numberOf(path, last);
  let points = usualPoints;
  let log = false;
  for (const option of options.split(":").slice(1)) {
    if (option === "log") log = true;
    else if (/^\d+$/.test(option)) points = Number(option);
    else throw new InputError(path, `':${option}' after a range is neither a number of points nor ':log'`);
  }
  if (points < 2 || points > most) throw new InputError(path, `${points} is not a number of points from 2 to ${most}`);
  if (log && !(from > 0 && to > 0)) {
    throw new InputError(path, "a logarithmic range lies above 0 (list 0 before it: 0,1000..2000000:log)");
  }
  const whole = Number.isInteger(from) && Number.isInteger(to);
  return Array.from({ length: points }, (_, index) => {
    const part = index / (points - 1);
    const value = log ? from * (to / from) ** part : from + (to - from) * part;
    return whole ? Math.round(value) : Number(value.toPrecision(12));
  });
}
function numberOf(path, text2) {
  const value = Number(text2);
  if (text2.trim() === "" || !Number.isFinite(value)) throw new InputError(path, `'${text2}' is not a number`);
  return value;
}
export {
  InputError,
  InternalError,
  calibrate,
  createMachine,
  kernels,
  machineSchema,
  parseScenario,
  parseSweepParameter,
  presets,
  profiles,
  publishedFigures,
  restoreMachine,
  runScenario,
  runSweepPoint,
  scenarioSchema,
  sweepPoints,
  sweepReport,
  sweepScenario,
  traceScenario,
  validate,
  withCosts,
  withValue
};
