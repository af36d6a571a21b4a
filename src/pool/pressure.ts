/**
 * How much of what may be used is used: levels from the ledger and from the machine, steady where a figure wavers. Pure:
 * figures in, level out. Knows no clock, no timer and nobody who could give memory back.
 */
import type { PressureLevel } from '../events.js'

/** From the least to the most. */
export const PRESSURE_LEVELS = ['low', 'normal', 'high', 'critical'] as const satisfies readonly PressureLevel[]

/**
 * Granted shares of the budget from which a level holds: the shares of the Rust design. There they were shares of the
 * machine, of which the budget was less than 0.8, and `critical` was never reached.
 */
export const BUDGET_SHARES = { low: 0, normal: 0.5, high: 0.7, critical: 0.85 } as const satisfies Record<
  PressureLevel,
  number
>

/** A level of the budget is left when the share is this far below where it began. */
export const BUDGET_HYSTERESIS = 0.05

/**
 * With less than this available the machine is in need, in bytes: little more than a system keeps to itself, and what one
 * burst of calls takes in other programs.
 */
export const MACHINE_FLOOR_BYTES = 512 * 1024 ** 2

/** In small containers the floor is this share of the limit. */
export const MACHINE_FLOOR_SHARE = 1 / 16

/** Floors available below which the machine's level is `high`. */
export const HIGH_FLOORS = 2

/** A level of the machine is left when this many times what began it is available. */
export const MACHINE_HYSTERESIS = 1.25

/** What is left of a machine, or of a container, in bytes. */
export interface MachineMemory {
  /** What could be taken before something has to give. */
  readonly available: number
  /** All there is to take: the machine's memory, or the container's limit. */
  readonly usable: number
}

/** What the levels are made of. All in bytes. */
export interface PressureReading {
  readonly granted: number
  readonly budget: number
  /** Undefined while nothing is known of it: then the ledger alone counts. */
  readonly machine: MachineMemory | undefined
}

/** Levels. */
export interface Pressure {
  /** The higher of the two. */
  readonly level: PressureLevel
  readonly budget: PressureLevel
  readonly machine: PressureLevel
}

/** A change of level: what `memoryPressure` tells. */
export interface PressureChange {
  readonly level: PressureLevel
  readonly before: PressureLevel
  /** Granted share of the budget. */
  readonly ledger: number
  /** Bytes that the machine, or the container, has left. Undefined where that could not be read. */
  readonly available: number | undefined
}

/** Before anything is read. */
export const NO_PRESSURE: Pressure = { level: 'low', budget: 'low', machine: 'low' }

/** The levels of a reading. Upwards they change at once, downwards only when the figure is well clear of the border. */
export function assessPressure(reading: PressureReading, before: Pressure = NO_PRESSURE): Pressure {
  const budget = budgetLevel(reading.granted / reading.budget, before.budget)
  const machine = reading.machine === undefined ? 'low' : machineLevel(reading.machine, before.machine)
  return { level: rank(budget) > rank(machine) ? budget : machine, budget, machine }
}

/** Bytes that must be available for the machine not to be in need. */
export function machineFloor(usable: number): number {
  return Math.min(MACHINE_FLOOR_BYTES, usable * MACHINE_FLOOR_SHARE)
}

/** Bytes that would have to come back for a machine in need to be so no longer. */
export function missingBytes({ available, usable }: MachineMemory): number {
  return Math.max(0, machineFloor(usable) * MACHINE_HYSTERESIS - available)
}

function budgetLevel(share: number, before: PressureLevel): PressureLevel {
  const holds = (level: PressureLevel): boolean => {
    const kept = rank(level) <= rank(before) && level !== 'low'
    return share >= BUDGET_SHARES[level] - (kept ? BUDGET_HYSTERESIS : 0)
  }
  return PRESSURE_LEVELS.findLast(holds) ?? 'low'
}

function machineLevel({ available, usable }: MachineMemory, before: PressureLevel): PressureLevel {
  const floor = machineFloor(usable)
  const below = (border: number, level: PressureLevel): boolean =>
    available < border * (rank(level) <= rank(before) ? MACHINE_HYSTERESIS : 1)
  if (below(floor, 'critical')) return 'critical'
  return below(floor * HIGH_FLOORS, 'high') ? 'high' : 'low'
}

function rank(level: PressureLevel): number {
  return PRESSURE_LEVELS.indexOf(level)
}
