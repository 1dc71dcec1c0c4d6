import { everyView } from './every-view.ts'

// Every view of the console in this look. Needs chromium.
everyView('dark')
