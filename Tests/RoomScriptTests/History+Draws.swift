@testable import Admission

/// What a history draws.
extension History {
    mutating func chance(_ parts: Int, of whole: Int) -> Bool {
        Int.random(in: 0..<whole, using: &self.random) < parts
    }

    /// A part of the histories keeps to a grid, so that times meet the ends of windows exactly.
    mutating func timeStep() -> Int64 {
        switch Int.random(in: 0..<100, using: &self.random) {
        case 0..<20: 50_000 * [0, 1, 1, 2, 4, 5, 10, 20, 21, 60, -3].randomElement(using: &self.random)!
        case 20..<25: Int64.random(in: 49_998...50_001, using: &self.random)
        case 25..<60: Int64.random(in: 1...60_000, using: &self.random)
        case 60..<90: Int64.random(in: 100_000...900_000, using: &self.random)
        case 90..<96: Int64.random(in: 1_000_000...6_000_000, using: &self.random)
        case 96..<98: Int64.random(in: 60_000_000...90_000_000_000, using: &self.random)
        default: -Int64.random(in: 1...5_000_000, using: &self.random)
        }
    }

    mutating func randomLimits() -> RoomLimits {
        RoomLimits(
            inflowMilli: [0, 1, 333, 5_000, 40_000, 7_777_777, 100_000_000].randomElement(using: &self.random)!,
            burst: [1, 2, 5, 20, 1_000_000].randomElement(using: &self.random)!,
            slots: [0, 1, 6, 40, 100_000_000].randomElement(using: &self.random)!,
            sessionMicros: Int64.random(in: 1_000_000...20_000_000, using: &self.random),
            claimMicros: [1_000_000, 4_000_000, 8_000_000, 86_400_000_000].randomElement(using: &self.random)!,
            horizonMicros: Int64.random(in: 100_000...3_000_000, using: &self.random),
            opensAtMicros: self.chance(1, of: 5)
                ? self.nowMicros + Int64.random(in: -200_000...1_000_000, using: &self.random) : 0
        )
    }

    /// Ids as the gateway names them: near the front, at the door, inside, of older lines; now and then nonsense.
    mutating func randomIDs(_ index: Int) -> [Int64] {
        let known = self.gateways[index].known
        var ids: [Int64] = []
        for _ in 0..<Int.random(in: 0...14, using: &self.random) {
            switch Int.random(in: 0..<24, using: &self.random) {
            case 0 where self.chance(1, of: 8):
                ids.append([0, -PlaceID.lineSpan, RoomRules.lastNumber + 1].randomElement(using: &self.random)!)
            case 0..<2: ids.append(max(1, known.serving) + Int64.random(in: 0...100, using: &self.random))
            case 2: ids += ids.suffix(1)
            case 3..<7: ids += self.model.door.ids.prefix(3).compactMap { self.named($0, known) }
            case 7..<10:
                ids += self.model.sessions.expiries.keys.sorted().suffix(2).compactMap { self.named($0, known) }
            case 10..<15: ids += self.olderID(known).map { [$0] } ?? []
            default: ids.append(max(1, known.serving - Int64.random(in: 0...30, using: &self.random)))
            }
        }
        return ids
    }

    /// An id of the model's line, as a gateway names it that may know another line.
    func named(_ id: Int64, _ known: KnownMarks) -> Int64? {
        guard known.epoch > 0 else { return id }
        let place = PlaceID.place(id, current: self.model.record.epoch)
        return PlaceID.id(number: place.number, epoch: place.epoch, current: known.epoch)
    }

    private mutating func olderID(_ known: KnownMarks) -> Int64? {
        guard known.epoch > 0, let place = self.witness.someOlderPlace(than: known.epoch, &self.random) else {
            return nil
        }
        return PlaceID.id(number: place.number, epoch: place.epoch, current: known.epoch)
    }

    /// Genuine passes, most of them good still; some that are none, or forged times.
    mutating func randomRenewals(_ index: Int) -> [Renewal] {
        let known = self.gateways[index].known
        let epoch = known.epoch > 0 ? known.epoch : self.model.record.epoch
        var renewals: [Renewal] = []
        for pass in self.witness.somePasses(8, &self.random) {
            guard let id = PlaceID.id(number: pass.place.number, epoch: pass.place.epoch, current: epoch) else {
                continue
            }
            renewals.append(Renewal(id: id, expiresMicros: pass.expiresMicros))
        }
        if self.chance(1, of: 4), known.serving > 0 {
            renewals.append(Renewal(id: Int64.random(in: 1...known.serving, using: &self.random), expiresMicros: 1))
        }
        return renewals
    }
}

extension RoomModel {
    mutating func perform(_ question: History.Question) throws(RoomError) -> History.Answer {
        let (known, run, now) = (question.known, question.run, question.clockMicros)
        return switch question.operation {
        case .join(let count): .join(try self.join(count: count, known: known, run: run, nowMicros: now))
        case .tick(let tick): .tick(try self.tick(tick, known: known, run: run, nowMicros: now))
        case .exchange(let gateway, let ids):
            .exchange(try self.exchange(gateway: gateway, ids: ids, known: known, run: run, nowMicros: now))
        case .renew(let renewals): .renew(try self.renew(renewals, known: known, run: run, nowMicros: now))
        case .release(let ids): .count(try self.release(ids: ids, known: known, run: run, nowMicros: now))
        case .leave(let gateway, let ids):
            .count(try self.leave(gateway: gateway, ids: ids, known: known, run: run, nowMicros: now))
        case .setAllowedRate(let rateMilli, let fence):
            .allowed(try self.setAllowedRate(rateMilli, fence: fence, run: run, nowMicros: now))
        case .reset: .reset(try self.reset(known: known, run: run, nowMicros: now))
        }
    }
}
