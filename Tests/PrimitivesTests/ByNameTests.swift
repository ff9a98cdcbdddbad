import Testing

@testable import Primitives

/// A table by name, beside a dictionary of the same.
@Suite struct ByNameTests {
    @Test func asADictionary_whateverIsSetAndTakenOut() {
        for seed in UInt64(1)...100 {
            var random = SplitMix64(seed: seed)
            var table = ByName<Int>()
            var model: [String: Int] = [:]
            for step in 0..<200 {
                let name = "name-\(Int.random(in: 0..<30, using: &random))"
                let value = Bool.random(using: &random) ? step : nil
                table[name] = value
                model[name] = value
                #expect(table[name] == model[name], "seed \(seed)")
            }
            #expect(table == ByName(model), "seed \(seed)")
            #expect(table.names == model.keys.sorted(), "seed \(seed)")
            #expect(table.mapValues { $0 + 1 } == ByName(model.mapValues { $0 + 1 }), "seed \(seed)")
        }
    }

    @Test func added_inAnyOrder_onceUnderEachName() {
        for seed in UInt64(1)...100 {
            var random = SplitMix64(seed: seed)
            var table = ByName<Int>()
            var model: [String: Int] = [:]
            for step in 0..<50 {
                let name = "name-\(Int.random(in: 0..<30, using: &random))"
                #expect(table.add(name, step) == (model[name] == nil), "seed \(seed)")
                model[name] = model[name] ?? step
            }
            #expect(table == ByName(model), "seed \(seed)")
        }
    }

    /// Long names too: they are kept outside the table.
    @Test func joined_asDictionariesAreMerged() {
        for seed in UInt64(1)...200 {
            var random = SplitMix64(seed: seed)
            let prefix = seed.isMultiple(of: 2) ? "n" : "a name that is longer than fits beside the others "
            var sums = ByName<Int>()
            var model: [String: Int] = [:]
            for _ in 0..<10 {
                var report: [String: Int] = [:]
                for _ in 0..<Int.random(in: 0...8, using: &random) {
                    report["\(prefix)\(Int.random(in: 0..<20, using: &random))"] = Int.random(in: 1...9, using: &random)
                }
                sums.join(ByName(report), fresh: 0) { $0 += $1 }
                model.merge(report, uniquingKeysWith: +)
            }
            #expect(sums == ByName(model), "seed \(seed)")
        }
    }

    @Test func joined_atMostTheFirst_andWithWhatIsFresh() {
        var table: ByName<[Int]> = ["b": [1]]
        table.join(["a": 5, "b": 6, "c": 7] as ByName<Int>, most: 2, fresh: [0]) { $0.append($1) }
        #expect(table == ["a": [0, 5], "b": [1, 6]])
    }
}
