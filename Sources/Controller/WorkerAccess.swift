import Pools
import Settings
import Transport

/// Asks once whether somebody at an address is well; the answer comes later, on the loop, and once at most.
typealias WorkerQuestion = (SocketAddress, ProbeSettings, @escaping (_ isWell: Bool) -> Void) -> Void

/// How a controller starts workers, finds those of earlier ones, and writes down which there are.
struct WorkerAccess {
    /// As other controllers know this one: unique, and the keeper of its workers.
    let controller: String
    /// Where its processes are, see `ProcessIdentity`.
    let place: String
    /// Asks somebody who is no child of anybody's here how he does.
    var ask: WorkerQuestion = { _, _, _ in }
    let book: any WorkerBook
    let launch: WorkerLauncher
    let adopt: WorkerAdopter
    /// Whether the controller of that name is known to be gone.
    let isGone: (String) -> Bool
}
