import Admission
import Pools
import Scaling

/// What a board takes: `maxGateways` gateways and `maxWorkers` workers a pool, `maxNameBytes` for a name, id or address,
/// `maxDecisionFields` fields of `maxValueBytes` each.
public enum BoardLimits {
    public static let maxGateways = 1_000
    public static let maxWorkers = 4_096
    public static let maxNameBytes = 256
    public static let maxValueBytes = 4_096
    public static let maxDecisionFields = 256
    /// A gateway that has been silent for this long makes room for a new one when the board is full.
    static let forgottenAfterMicros: Int64 = 60_000_000
    /// All of a pool is gone when neither a gateway nor a controller has written for this long: a pool that is taken out
    /// of the configuration leaves nothing behind. Gateways renew it every second, so that the list of workers outlives
    /// a controller that is away.
    static let keptMillis: Int64 = 86_400_000

    /// What stands against storing these; nil when nothing does.
    static func objection(to signals: GatewaySignals) -> StoreError? {
        let counts = [
            signals.arrivals, signals.unguarded, signals.admissions, signals.waiting, signals.inFlight, signals.queued,
            signals.errors,
            Int(signals.intervalMicros),
        ]
        guard signals.rooms.count <= RoomSignals.mostRooms else {
            return .refused("signals of \(signals.rooms.count) rooms: a report has \(RoomSignals.mostRooms) at most")
        }
        guard signals.workerInFlight.count <= Self.maxWorkers else {
            return .refused("signals of \(signals.workerInFlight.count) workers: a pool has \(Self.maxWorkers) at most")
        }
        guard counts.allSatisfy({ $0 >= 0 }), signals.workerInFlight.allSatisfy({ $0.value >= 0 }),
            signals.rooms.allSatisfy({
                let seen = $0.value
                return seen.waiting >= 0 && seen.atDoor >= 0 && seen.admissions >= 0 && seen.freeSlots >= 0
            })
        else {
            return .refused("signals of gateway \(signals.gateway) have a negative count")
        }
        let process = signals.process.map { ["\($0)"] } ?? []
        return self.objection(toNames: [signals.gateway] + process + signals.workerInFlight.names + signals.rooms.names)
    }

    static func objection(to workers: [WorkerRecord]) -> StoreError? {
        guard workers.count <= Self.maxWorkers else {
            return .refused("\(workers.count) workers: a pool has \(Self.maxWorkers) at most")
        }
        guard Set(workers.map(\.id)).count == workers.count else {
            return .refused("two workers have the same id: \(workers.map(\.id).sorted().joined(separator: ", "))")
        }
        guard workers.allSatisfy({ $0.sinceMicros >= 0 }) else { return .refused("a worker's time lies before 1970") }
        guard workers.allSatisfy({ $0.slots.map(WorkerRecord.slotsRange.contains) ?? true }) else {
            let range = WorkerRecord.slotsRange
            return .refused("a worker has \(range.lowerBound) to \(range.upperBound) slots")
        }
        return self.objection(toNames: workers.map(\.id) + workers.map(\.address))
    }

    static func objection(to registry: [RegisteredWorker]) -> StoreError? {
        guard registry.count <= Self.maxWorkers, Set(registry.map(\.id)).count == registry.count else {
            return .refused("a registry has at most \(Self.maxWorkers) workers, each with an id of its own")
        }
        if let worker = registry.first(where: { $0.encoded.utf8.count > Self.maxValueBytes }) {
            return .refused("a worker of a registry takes at most \(Self.maxValueBytes) bytes: \(worker.id)")
        }
        return self.objection(toNames: registry.map(\.id))
    }

    static func objection(to fields: [(String, String)]) -> StoreError? {
        guard fields.count <= Self.maxDecisionFields, Set(fields.map(\.0)).count == fields.count else {
            return .refused("a decision has at most \(Self.maxDecisionFields) fields, each with a name of its own")
        }
        if let value = fields.map(\.1).first(where: { $0.utf8.count > Self.maxValueBytes }) {
            return .refused("a decision's field has at most \(Self.maxValueBytes) bytes: '\(value.prefix(80))...'")
        }
        return self.objection(toNames: fields.map(\.0))
    }

    private static func objection(toNames names: [String]) -> StoreError? {
        guard let bad = names.first(where: { $0.isEmpty || $0.utf8.count > Self.maxNameBytes }) else { return nil }
        return .refused("a name, id or address on the board has 1 to \(Self.maxNameBytes) bytes: '\(bad.prefix(80))'")
    }
}
