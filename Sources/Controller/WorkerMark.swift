import Pools
import Primitives

/// What a worker's process carries in its environment: enough to find it again where nothing is written down of it, as
/// when its controller died between its start and the next line.
///
/// As text `POOL ID SHAPE LOG`; a path may hold spaces.
struct WorkerMark: Equatable {
    static let variable = "SLUICE_WORKER"

    let pool: String
    let id: String
    let shape: UInt64
    let log: String

    init(_ plan: WorkerPlan) {
        self.pool = plan.pool
        self.id = plan.id
        self.shape = plan.shape
        self.log = plan.log
    }

    init?(text: String) {
        let parts = text.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 4, !parts[1].isEmpty, let shape = UInt64(parts[2], radix: 16) else { return nil }
        self.pool = String(parts[0])
        self.id = String(parts[1])
        self.shape = shape
        self.log = String(parts[3])
    }

    var text: String { "\(self.pool) \(self.id) \(String(self.shape, radix: 16)) \(self.log)" }
}
