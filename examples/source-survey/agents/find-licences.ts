/** Which licences the heads of the files name. */
import { commandAgent } from '../../command-agent.ts'
import { sourceFiles } from '../source-files.ts'

const HEAD_LINES = 20
const named: [RegExp, string][] = [
  [/Apache License|Licensed under the Apache/, 'Apache'],
  [/\bMIT License\b|Permission is hereby granted, free of charge/, 'MIT'],
  [/GNU (Lesser |Affero )?General Public License/, 'GPL family'],
  [/Mozilla Public License/, 'MPL'],
  [/Redistribution and use in source and binary forms/, 'BSD'],
]

await commandAgent(({ folder }: { folder: string }) => {
  const licences: { [licence: string]: number } = {}
  for (const { lines } of sourceFiles(folder)) {
    const head = lines.slice(0, HEAD_LINES).join('\n')
    const spdx = /SPDX-License-Identifier:\s*([\w.+-]+)/.exec(head)?.[1]
    const licence = spdx ?? named.find(([words]) => words.test(head))?.[1] ?? 'none named'
    licences[licence] = (licences[licence] ?? 0) + 1
  }
  return licences
})
