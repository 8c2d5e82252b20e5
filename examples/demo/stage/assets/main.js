import "./cart.js"
import "./lock.js"
import "./race.js"
import "./outage.js"
import "./people.js"
import "./ends.js"
import "./keys.js"
import { open } from "./live.js"

open()
