// What must happen before Python runs: PyScript kept within the page's security policy.
import { hooks } from "./pyscript/core.js";

// PyScript builds its default worker hook with Function(), which the policy forbids; this page has no PyScript worker.
hooks.worker.onBeforeRunAsync.clear();
