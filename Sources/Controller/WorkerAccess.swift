import Pools
import Primitives

/// How a controller starts workers, finds those of earlier ones, and writes down which there are.
struct WorkerAccess {
    /// As other controllers know this one: unique, and the keeper of its workers.
    let controller: String
    /// Where its processes are, see `ProcessIdentity`.
    let place: String
    let book: any WorkerBook
    let launch: WorkerLauncher
    let adopt: WorkerAdopter
    /// Whether the controller of that name is known to be gone.
    let isGone: (String) -> Bool

    /// Whether it is seen from here that a process has ended, of a gateway for instance.
    func hasEnded(_ process: ProcessIdentity) -> Bool { self.isGone("@\(process)") }
}
