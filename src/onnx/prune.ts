/** Cuts a graph down to what some of its outputs need. The engine runs all of a graph, whatever is fetched. */
import type { GraphData, NodeData } from './model.js'

/** The graph with only these outputs, and only the nodes and initialisers that they need. Inputs all stay. */
export function pruneTo(graph: GraphData, outputs: readonly string[]): GraphData {
  const unknown = outputs.find((name) => !graph.outputs.some((output) => output.name === name))
  if (unknown !== undefined) throw new Error(`the graph has no output ${unknown}`)
  const needed = new Set(outputs)
  const nodes: NodeData[] = []
  // Nodes come after what they read: backwards, whoever reads a value is seen before who makes it.
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((output) => needed.has(output))) continue
    nodes.push(node)
    for (const input of readBy(node)) needed.add(input)
  }
  return {
    ...graph,
    nodes: nodes.reverse(),
    initializers: graph.initializers.filter(({ name }) => needed.has(name)),
    outputs: graph.outputs.filter(({ name }) => outputs.includes(name)),
  }
}

/** What a node reads, and what the graphs inside it read from around them. */
function readBy(node: NodeData): readonly string[] {
  const inner = Object.values(node.attributes).flatMap((attribute) => {
    return attribute.kind === 'graph' ? attribute.value.nodes.flatMap(readBy) : []
  })
  return [...node.inputs, ...inner]
}
