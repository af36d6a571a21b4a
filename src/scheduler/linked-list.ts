/**
 * A doubly linked list through its members: first in, first out, and out from the middle, each at once. A `Set` would
 * keep the order too, but looking up its first member walks over all that were deleted before it.
 */

/** A member of at most one list at a time. The list alone writes to it. */
export interface Linked<T> {
  previous: T | undefined
  next: T | undefined
}

/** See the head of this file. Walk it from `first` by `next`. */
export class LinkedList<T extends Linked<T>> {
  #first: T | undefined
  #last: T | undefined

  get first(): T | undefined {
    return this.#first
  }

  /** Appends a member that is in no list. */
  push(member: T): void {
    member.previous = this.#last
    if (this.#last === undefined) this.#first = member
    else this.#last.next = member
    this.#last = member
  }

  /** Takes out a member of this list. */
  remove(member: T): void {
    const { previous, next } = member
    if (previous === undefined) this.#first = next
    else previous.next = next
    if (next === undefined) this.#last = previous
    else next.previous = previous
    member.previous = undefined
    member.next = undefined
  }
}
