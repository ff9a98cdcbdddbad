import Pools

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
    /// How a cluster is reached.
    var cluster: KubernetesDriver.Connect = ClusterLink.connect
}
