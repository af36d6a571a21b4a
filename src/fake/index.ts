/**
 * The public API for users' tests, `stella-pool/testing`. Not part of the main entry, so that nobody serves with it.
 *
 * @module stella-pool/testing
 */
export { createFakePool } from './create-fake-pool.js'
export type { FakePool, FakePoolOptions } from './create-fake-pool.js'
export type { FailureScope, FakeControls } from './fake-controls.js'
export type { FakeFailure, FakeLoad, FakeOptions, FakeRun } from './fake-options.js'
