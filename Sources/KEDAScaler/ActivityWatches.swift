import Primitives

/// Who has asked to be told of changes, and what was told last. A value: what is to be sent comes out as actions.
struct ActivityWatches: Equatable, Sendable {
    /// One a ScaledObject, and some more while KEDA's operator is replaced.
    static let most = 256

    enum Action: Equatable {
        case tell(Int, isActive: Bool)
        case end(Int, ScalerRefusal)
    }

    private struct Watch: Equatable, Sendable {
        var metadata: [String: String]
        /// Nil before the first word.
        var told: Bool?
    }

    private var watches: [Int: Watch] = [:]
    private var lastID = 0

    var count: Int { self.watches.count }

    /// The id of a new one. What it is told first comes with the next `changes`.
    mutating func add(_ metadata: [String: String], _ answers: ScalerAnswers) throws(ScalerRefusal) -> Int {
        let pool = try answers.pool(of: metadata)
        guard self.watches.count < Self.most else {
            throw ScalerRefusal(.tooMany, "\(Self.most) streams are open, more than that there may not be")
        }
        self.lastID += 1
        // Nothing else is kept of what a stranger sent.
        self.watches[self.lastID] = Watch(metadata: [ScalerAnswers.poolKey: pool])
        return self.lastID
    }

    mutating func remove(_ id: Int) { self.watches[id] = nil }

    /// What has to be said now. While nothing is known nothing is said: KEDA stays with what it was told last.
    mutating func changes(_ answers: ScalerAnswers, now: Instant) -> [Action] {
        var actions: [Action] = []
        for (id, watch) in self.watches.sorted(by: { $0.key < $1.key }) {
            do throws(ScalerRefusal) {
                let isActive = try answers.isActive(watch.metadata, now: now)
                guard isActive != watch.told else { continue }
                self.watches[id]?.told = isActive
                actions.append(.tell(id, isActive: isActive))
            } catch {
                guard error.kind != .notNow else { continue }
                self.watches[id] = nil
                actions.append(.end(id, error))
            }
        }
        return actions
    }
}
