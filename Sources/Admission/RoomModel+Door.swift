/// Exchanges, and the door where those stand who find no token or slot.
extension RoomModel {
    /// Exchanges places for sessions, and lets in whoever else stands at the door, in order. A visitor for whom there
    /// is no token or slot stays at the door and keeps a claim on the next ones, whoever asks. `gateway` holds the
    /// requests.
    public mutating func exchange(
        gateway: String,
        ids: [Int64],
        known: KnownMarks,
        run: Int64 = 0,
        nowMicros: Int64
    ) throws(RoomError) -> ExchangeAnswer {
        try self.check(ids)
        try Self.check(gateway)
        let before = try self.enter(known, run: run, nowMicros)
        defer { self.commit(since: before) }
        if !ids.isEmpty { self.forgetDoor(of: gateway) }
        let own = self.own(ids, known)
        let lapsedUpTo = self.serving(atMicros: self.micros(ago: self.record.claim))
        var remade: [Int64] = []
        let decided = own.map { id in
            let verdict = self.verdict(id, lapsedUpTo: lapsedUpTo)
            return verdict == .ended ? self.pardon(id!, &remade) : verdict
        }
        self.adopt(remade)
        var asking: [Int64] = []
        for case (let id?, nil) in zip(own, decided) { asking.append(id) }
        let admitted = self.letIn(AscendingIDs(asking), gateway: gateway)
        let expiry = self.now + self.record.session
        return ExchangeAnswer(
            line: self.line,
            outcomes: zip(own, decided).map { id, verdict in
                verdict ?? (admitted.contains(id!) ? .admitted(expiresMicros: expiry) : .atDoor)
            }
        )
    }

    /// What is already decided about an id that asks; nil when it may go in.
    private func verdict(_ id: Int64?, lapsedUpTo: Int64) -> ExchangeOutcome? {
        guard let id else { return .void }
        if self.door.contains(id) { return nil }
        if let expiry = self.sessions.expiry(of: id) { return .admitted(expiresMicros: expiry) }
        if id < 0 {
            let place = PlaceID.place(id, current: self.record.epoch)
            let line = self.record.older.first { $0.epoch == place.epoch }
            guard let line, place.number <= line.serving else { return .notServed }
            return self.carried.contains(id) || self.released.expiry(of: id) != nil ? .ended : nil
        }
        guard id <= self.record.serving else { return .notServed }
        if self.exchanged.contains(id) || self.released.expiry(of: id) != nil { return .ended }
        return id <= lapsedUpTo && !self.arrived.contains(id) ? .lapsed : nil
    }

    /// Who was let in just before a silence may never have got the pass, and the session ran out meanwhile. While those of
    /// the silence are kept it is made anew where its slot is kept, with the others of `remade`; where it is not, the
    /// visitor may go in like others (nil).
    private func pardon(_ id: Int64, _ remade: inout [Int64]) -> ExchangeOutcome? {
        guard self.pardoned[id] != nil, self.released.expiry(of: id) == nil else { return .ended }
        if !remade.contains(id) {
            guard self.record.lost > remade.count else { return nil }
            remade.append(id)
        }
        return .admitted(expiresMicros: self.now + self.record.session)
    }

    /// Those of `asking` who are in now.
    private mutating func letIn(_ asking: AscendingIDs, gateway: String) -> AscendingIDs {
        let coming = asking.filter { !self.door.contains($0) }
        for id in coming.ids where id > 0 { self.arrived.insert(id) }
        let left = self.turns()
        // Of a gateway without workers, those who came before may be waiting to be told anew.
        if self.door.count == 0, Int64(coming.ids.count) <= left, !self.restingGateways().contains(gateway) {
            self.admit(coming.ids.map { .init(number: $0, doorWaitMicros: 0) })
            return asking
        }
        if !asking.ids.isEmpty {
            self.isTouched = true
            self.refreshHeartbeat(gateway)
        }
        let back = self.gateways[gateway]?.back ?? 0
        for id in asking.ids { self.door.stand(id, gateway: gateway, backMicros: back, nowMicros: self.now) }
        return AscendingIDs(self.settleDoor(left, telling: coming))
    }

    /// Admits the lowest places at the door while there are tokens and slots, whichever gateway holds their requests:
    /// so nobody is ever admitted past a lower place that is at the door. Visitors whose gateway has gone
    /// or has no workers are dropped on the way: at the door they would count as if they could use a turn. Their arrival
    /// stands, and the gateway tells of them anew when it is well. At most `RoomRules.largestBatch` are looked at. All
    /// but those of `telling` become events.
    @discardableResult
    mutating func settleDoor(_ left: Int64, telling: AscendingIDs = AscendingIDs([])) -> [Int64] {
        var left = left
        var looks = RoomRules.largestBatch
        var grants: [JournalEntry.Grant] = []
        let resting = self.restingGateways()
        while left > 0, looks > 0 {
            let taken = self.door.takeLowest(Int(min(left, Int64(looks))))
            guard !taken.isEmpty else { break }
            looks -= taken.count
            self.isTouched = true
            for (id, stay) in taken where self.isPresent(stay) && !resting.contains(stay.gateway) {
                grants.append(.init(number: id, doorWaitMicros: max(0, self.now - stay.sinceMicros)))
                left -= 1
            }
        }
        self.admit(grants)
        for grant in grants where !telling.contains(grant.number) { self.tell(.granted, grant.number) }
        return grants.map(\.number)
    }

    /// A part of the door at a time: visitors whose gateway has gone, or has not told of them since it came back, would
    /// count as waiting there.
    mutating func sweepDoor() {
        let latest = self.now - RoomRules.gatewayMemoryMicros
        let isAnyAway = self.gateways.contains { self.isSilent($0.key) || $0.value.back > latest }
        guard self.door.count > 0, isAnyAway else { return }
        let looked = Array(self.door.ids(after: self.record.swept, count: RoomRules.doorSweep))
        for id in looked where !self.isPresent(self.door.stay(of: id)!) {
            _ = self.door.leave(id)
            self.isTouched = true
        }
        self.record.swept = looked.count == RoomRules.doorSweep ? looked[looked.count - 1] : 0
    }

    /// The gateway was silent: whom it left at the door may have gone unsaid. It tells anew who stands there. Of more than
    /// one call looks at, those behind are not let in, being from before it came back (`isPresent`).
    mutating func forgetDoor(of gateway: String) {
        guard self.isSilent(gateway) else { return }
        let looked = self.door.ids.prefix(RoomRules.returnSweep)
        let gone = looked.filter { self.door.stay(of: $0)?.gateway == gateway }
        for id in gone { _ = self.door.leave(id) }
        self.isTouched = self.isTouched || !gone.isEmpty
    }

    func isPresent(_ stay: Door.Stay) -> Bool {
        guard !self.isSilent(stay.gateway), let heartbeat = self.gateways[stay.gateway] else { return false }
        return stay.sinceMicros >= heartbeat.back || heartbeat.back > self.now
    }

    mutating func tell(_ kind: EventLog.Kind, _ id: Int64) {
        self.record.events += 1
        self.events.append(
            .init(number: self.record.events, kind: kind, id: id),
            keeping: RoomRules.eventsKept
        )
    }

    // MARK: Gateways

    static func check(_ gateway: String) throws(RoomError) {
        let isName =
            (1...64).contains(gateway.utf8.count) && gateway != "-"
            && gateway.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
        guard isName else { throw .refused("BADARG gateway \(gateway) is not 1 to 64 letters, digits, dots, dashes") }
    }

    /// Gateways that see no healthy worker while others see some: their visitors would be let in to an error.
    func restingGateways() -> Set<String> {
        // Asked with every call.
        guard self.gateways.values.contains(where: { $0.healthy == 0 }) else { return [] }
        // The closure is to hold the time alone, not the whole room.
        let since = self.now - RoomRules.healthMicros
        let said = self.gateways.filter { $0.value.micros >= since }
        guard said.contains(where: { $0.value.healthy > 0 }) else { return [] }
        return Set(said.filter { $0.value.healthy == 0 }.keys)
    }

    private func isSilent(_ gateway: String) -> Bool {
        guard let heartbeat = self.gateways[gateway] else { return true }
        // What lies ahead is from before version 1 has set the room's time back.
        let away = self.record.away <= self.now ? self.record.away : 0
        return heartbeat.micros < max(away, self.now - RoomRules.doorSilenceMicros)
    }

    /// Once in a while, and whenever its workers change. Gateways not heard of for long are forgotten. In a silence, and
    /// while it saw no healthy worker, visitors of the gateway may have been dropped from the door, and it was not told:
    /// it is back from then on, and is asked to tell of all anew until it says that it has heard so.
    mutating func beat(_ gateway: String, healthy: Int64) {
        let former = self.gateways[gateway]
        let isBack = self.isSilent(gateway) || former?.healthy == 0 && healthy != 0
        guard isBack || former!.healthy != healthy || self.isDue(former!) else { return }
        self.gateways[gateway] = Heartbeat(micros: self.now, healthy: healthy, back: isBack ? self.now : former!.back)
        let earliest = self.now - RoomRules.gatewayMemoryMicros
        self.gateways = self.gateways.filter { $0.value.micros >= earliest }
        self.isTouched = true
    }

    /// A gateway that brings visitors is there, though it may not have ticked yet.
    private mutating func refreshHeartbeat(_ gateway: String) {
        if self.isSilent(gateway) {
            self.gateways[gateway] = Heartbeat(micros: self.now, healthy: -1, back: self.now)
        } else if self.isDue(self.gateways[gateway]!) {
            self.gateways[gateway]!.micros = self.now
        }
    }

    private func isDue(_ heartbeat: Heartbeat) -> Bool {
        let age = self.now - heartbeat.micros
        return age < 0 || age >= RoomRules.heartbeatMicros
    }

    /// Every gateway that has lately said how many healthy workers it sees has said none.
    func isHeldNow() -> Bool {
        let earliest = self.now - RoomRules.healthMicros
        let said = self.gateways.values.filter { $0.micros >= earliest && $0.healthy >= 0 }
        return !said.isEmpty && said.allSatisfy { $0.healthy == 0 }
    }
}
