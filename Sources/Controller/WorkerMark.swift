import Pools
import Primitives

/// What a worker's process carries in its environment: enough to find it again where nothing is written down of it, as
/// when its controller died between its start and the next line.
///
/// As text `POOL ID SHAPE LOG`; a path may hold spaces. One that was told where to listen has `SHAPE@ADDRESS`.
struct WorkerMark: Equatable {
    static let variable = "SLUICE_WORKER"

    let pool: String
    let id: String
    let shape: UInt64
    let log: String
    let address: String?

    init(_ plan: WorkerPlan) {
        self.pool = plan.pool
        self.id = plan.id
        self.shape = plan.shape
        self.log = plan.log
        self.address = plan.address?.description
    }

    init?(text: String) {
        let parts = text.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 4, !parts[1].isEmpty else { return nil }
        let words = parts[2].split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
        guard let shape = UInt64(words[0], radix: 16) else { return nil }
        self.pool = String(parts[0])
        self.id = String(parts[1])
        self.shape = shape
        self.log = String(parts[3])
        self.address = words.count > 1 ? String(words[1]) : nil
    }

    var text: String {
        let shape = String(self.shape, radix: 16) + (self.address.map { "@\($0)" } ?? "")
        return "\(self.pool) \(self.id) \(shape) \(self.log)"
    }
}
