@testable import Admission

/// Calls of one gateway that knows nothing, for tests that are about something else.
extension RoomModel {
    mutating func join(count: Int, nowMicros: Int64) throws(RoomError) -> JoinGrant {
        try self.join(count: count, known: .nothing, nowMicros: nowMicros)
    }

    mutating func tick(
        _ limits: RoomLimits,
        known: KnownMarks = .nothing,
        nowMicros: Int64
    ) throws(RoomError) -> TickAnswer {
        // Whatever limits come are newer ones.
        let tick = RoomTick(gateway: "g", limits: limits, generation: nowMicros)
        return try self.tick(tick, known: known, nowMicros: nowMicros)
    }

    mutating func exchange(_ ids: [Int64], nowMicros: Int64) throws(RoomError) -> ExchangeAnswer {
        try self.exchange(gateway: "g", ids: ids, known: .nothing, nowMicros: nowMicros)
    }

    /// With passes that have expired: the session must be there.
    mutating func renew(_ ids: [Int64], nowMicros: Int64) throws(RoomError) -> [Int64?] {
        let renewals = ids.map { Renewal(id: $0, expiresMicros: 1) }
        return try self.renew(renewals, known: .nothing, nowMicros: nowMicros).expiries
    }

    mutating func release(_ ids: [Int64], nowMicros: Int64) throws(RoomError) -> Int {
        try self.release(ids: ids, known: .nothing, nowMicros: nowMicros).count
    }

    mutating func leave(_ ids: [Int64], nowMicros: Int64) throws(RoomError) -> Int {
        try self.leave(gateway: "g", ids: ids, known: .nothing, nowMicros: nowMicros).count
    }
}
