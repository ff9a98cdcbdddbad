import Primitives
import Testing

@testable import Admission

@Suite struct SessionTableTests {
    /// Against a dictionary that is looked through each time, with sessions that become longer and shorter, are told
    /// twice in one moment, and end before their time.
    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func anyHistory_endsAndCountsWhatADictionaryDoes(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var table = SessionTable()
        var model: [Int64: Int64] = [:]
        var now: Int64 = 1_000
        var length: Int64 = 500
        // Long enough for more entries that are not true than are kept.
        for _ in 0..<12_000 {
            now += random.next() % 4 == 0 ? 1 : 0
            if random.next() % 1_000 == 0 { length = 1 + Int64(random.next() % 4_000) }
            let number = 1 + Int64(random.next() % 200)
            switch random.next() % 6 {
            case 0, 1, 2:
                table.set(number, expiresMicros: now + length)
                model[number] = now + length
            case 3:
                let wasThere = table.remove(number)
                let former = model.removeValue(forKey: number)
                #expect(wasThere == (former != nil), "seed \(seed)")
            case 4:
                let ended = table.expire(nowMicros: now)
                let expected = model.filter { $0.value <= now }
                #expect(ended.count == expected.count, "seed \(seed)")
                #expect(ended.allSatisfy { expected[$0.number] == $0.micros }, "seed \(seed)")
                for session in ended { model[session.number] = nil }
            default:
                let limit = now + Int64(random.next() % 300)
                let expected = model.values.filter { $0 > now && $0 <= limit }.count
                let counted = table.count(after: now, upTo: limit)
                #expect(counted == Int64(expected), "seed \(seed)")
            }
            #expect(table.expiry(of: number) == model[number] && table.count == Int64(model.count), "seed \(seed)")
        }
        #expect(table.expiries == model, "seed \(seed)")
    }
}
