import Pools

/// Who leads.
public enum Leadership: Equatable, Sendable {
    /// Who asked, with the fence of this time of leading, which is higher than that of any before.
    case own(fence: Int64)
    case other(String)
}

/// A pool's workers as the last leader who wrote has left them.
public struct BoardRegistry: Equatable, Sendable {
    /// Of that leader; 0 when there was none.
    public var fence: Int64
    /// For gateways, in the order of the ids.
    public var directory: [WorkerRecord]
    /// For controllers, in the order of the ids.
    public var workers: [RegisteredWorker]

    public init(fence: Int64 = 0, directory: [WorkerRecord] = [], workers: [RegisteredWorker] = []) {
        self.fence = fence
        self.directory = directory
        self.workers = workers
    }
}
