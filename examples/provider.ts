/**
 * A provider in an application: the code that needs vectors knows an interface, and one place knows that it is Stella.
 *
 *     npx tsx examples/provider.ts
 */
import { StellaProvider, cosineSimilarity, isStellaError, tryEmbed } from 'stella-pool'
import type { EmbeddingProvider, Logger } from 'stella-pool'

/** The application's own: sends a ticket to the team whose description is nearest. Takes any provider, also a fake one. */
class TicketRouter {
  readonly #provider: EmbeddingProvider
  readonly #teams: Readonly<Record<string, string>>
  #descriptions: Promise<readonly Float32Array[]> | undefined

  constructor(provider: EmbeddingProvider, teams: Readonly<Record<string, string>>) {
    this.#provider = provider
    this.#teams = teams
  }

  /** The team for a ticket. The first call loads the model and embeds the descriptions; calls side by side share both. */
  async route(ticket: string): Promise<string> {
    const [descriptions, { embedding }] = await Promise.all([
      (this.#descriptions ??= this.#embedTeams()),
      this.#provider.embedOne(ticket, { kind: 'similarity' }),
    ])
    const scores = descriptions.map((description) => cosineSimilarity(embedding, description))
    return Object.keys(this.#teams)[scores.indexOf(Math.max(...scores))] ?? 'nobody'
  }

  async #embedTeams(): Promise<readonly Float32Array[]> {
    try {
      return (await this.#provider.embed(Object.values(this.#teams), { kind: 'similarity' })).embeddings
    } catch (error) {
      // A load that failed is tried again by the next call, if nobody keeps its failure.
      this.#descriptions = undefined
      throw error
    }
  }
}

/** Anything with these four methods is a logger; pino is one. */
const toStderr = (facts: object, message: string): void => {
  console.error(message, JSON.stringify(facts))
}
const logger: Logger = { debug: () => undefined, info: toStderr, warn: toStderr, error: toStderr }

async function main(): Promise<void> {
  // Nothing is loaded here: a program that never embeds never pays for it.
  await using provider = new StellaProvider({
    model: process.env.STELLA_MODEL ?? 'stella-nano',
    device: 'auto',
    maxSeqLen: 512,
    normalize: true,
    // `enable4bit: true` takes the least memory.
    logger, // told of model, precision, device and dimension once it is loaded
  })
  const router = new TicketRouter(provider, {
    accounts: 'Invoices, payments, refunds and prices.',
    network: 'Connections that are slow or lost, routers, cables.',
  })
  const tickets = ['The invoice was paid twice.', 'The router loses its connection every night.']
  const teams = await Promise.all(tickets.map((ticket) => router.route(ticket)))
  for (const [index, ticket] of tickets.entries()) console.log(`${String(teams[index])}: ${ticket}`)

  const { model, precision, device, dimension } = await provider.info()
  console.log(`${provider.id}: ${model} in ${precision} on ${device}, ${dimension} dimensions`)

  // A queue or a route handler takes failures as values: problem details, ready to be sent.
  const outcome = await tryEmbed(provider, ['a text', ''])
  if (outcome.ok) throw new Error('an empty text was embedded')
  console.log(JSON.stringify(outcome.problem))
}

try {
  await main()
} catch (error) {
  if (!isStellaError(error)) throw error
  console.error(JSON.stringify(error.toProblemDetails()))
  process.exitCode = 1
}
