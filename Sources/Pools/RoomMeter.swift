import Admission
import Scaling

/// What a gateway reports of its rooms once a second, out of what it saw of them last.
public struct RoomMeter: Sendable {
    /// A room as its latest snapshot shows it.
    public struct Sight: Sendable {
        public var epoch: Int64
        public var waiting: Int64
        public var atDoor: Int64
        /// Since the line began.
        public var admitted: Int64
        public var slots: Int64
        public var sessions: Int64
        /// Of a thousand called, how many may come.
        public var showUpPermille: Int

        public init(
            epoch: Int64,
            waiting: Int64,
            atDoor: Int64,
            admitted: Int64,
            slots: Int64,
            sessions: Int64,
            showUpPermille: Int = RoomSignals.allShowUp
        ) {
            self.epoch = epoch
            self.waiting = waiting
            self.atDoor = atDoor
            self.admitted = admitted
            self.slots = slots
            self.sessions = sessions
            self.showUpPermille = showUpPermille
        }
    }

    private var last: [String: (epoch: Int64, admitted: Int64)] = [:]

    public init() {}

    /// Call once an interval with all rooms that have been seen: what was let in is what came since the call before.
    public mutating func read(_ sights: [String: Sight]) -> [String: RoomSignals] {
        var signals: [String: RoomSignals] = [:]
        var seen: [String: (epoch: Int64, admitted: Int64)] = [:]
        for (room, sight) in sights {
            // Of a line that is new, or that the shared state has lost a part of, nobody knows how fast it moved.
            let before = self.last[room].flatMap { $0.epoch == sight.epoch ? $0.admitted : nil } ?? sight.admitted
            seen[room] = (sight.epoch, sight.admitted)
            signals[room] = RoomSignals(
                waiting: Int(max(0, sight.waiting)),
                atDoor: Int(max(0, sight.atDoor)),
                admissions: Int(max(0, sight.admitted - before)),
                freeSlots: Int(max(0, sight.slots - sight.sessions)),
                showUpPermille: sight.showUpPermille
            )
        }
        self.last = seen
        return signals
    }
}

extension RoomMeter.Sight {
    /// So many of a thousand more than is likely: too many workers for a line cost little, too few keep it standing.
    private static let sparePermille = 50

    public init(_ snapshot: RoomSnapshot) {
        let showUp = Int((snapshot.showUp.most * Double(RoomSignals.allShowUp)).rounded(.up))
        self.init(
            epoch: snapshot.epoch,
            waiting: snapshot.waiting,
            atDoor: snapshot.door,
            admitted: snapshot.admitted,
            slots: snapshot.slots,
            sessions: snapshot.sessions,
            showUpPermille: min(RoomSignals.allShowUp, showUp + Self.sparePermille)
        )
    }
}
