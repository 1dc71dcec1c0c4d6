/** Finds a stage of a large graph by its name. */
import { useId, useState } from 'react'

export function StageFinder({
  stages,
  onFind,
}: {
  stages: { path: string; title: string }[]
  onFind: (path: string) => void
}) {
  const list = useId()
  const [text, setText] = useState('')
  const find = (typed: string) => {
    const words = typed.trim().toLowerCase()
    if (words === '') return
    const fits = ({ path, title }: { path: string; title: string }) => `${path} ${title}`.toLowerCase().includes(words)
    const found = stages.find(({ path }) => path.toLowerCase() === words) ?? stages.find(fits)
    if (found !== undefined) onFind(found.path)
  }
  return (
    <div className="finder nodrag nopan">
      <input
        type="search"
        className="input"
        aria-label="Find a stage"
        placeholder={`Find one of ${stages.length} stages`}
        list={list}
        value={text}
        onChange={({ target }) => {
          setText(target.value)
          if (stages.some(({ path }) => path === target.value)) find(target.value)
        }}
        onKeyDown={({ key }) => key === 'Enter' && find(text)}
      />
      <datalist id={list}>
        {stages.map(({ path, title }) => (
          <option key={path} value={path}>
            {title}
          </option>
        ))}
      </datalist>
    </div>
  )
}
