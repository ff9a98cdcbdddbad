import Primitives
import Testing

@Suite struct NumberTableTests {
    /// Against a dictionary, over numbers that rise, come again from before, and lie further away than pages reach.
    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func anyHistory_keepsWhatADictionaryKeeps(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var table = NumberTable<Int64>()
        var model: [Int64: Int64] = [:]
        var middle: Int64 = 1_000
        for step in 0..<20_000 as Range<Int64> {
            // Now and then everything goes, or the numbers go on elsewhere.
            switch random.next() % 2_000 {
            case 0: middle += 1 << 33
            case 1: middle -= 1 << 20
            case 2:
                for (number, value) in model {
                    let former = table.remove(number)
                    #expect(former == value, "seed \(seed)")
                }
                model = [:]
            default: middle += Int64(random.next() % 3)
            }
            let number = middle - Int64(random.next() % 600)
            switch random.next() % 5 {
            case 0, 1:
                let former = table.set(step, for: number)
                let expected = model.updateValue(step, forKey: number)
                #expect(former == expected, "seed \(seed)")
            case 2, 3:
                let former = table.remove(number)
                let expected = model.removeValue(forKey: number)
                #expect(former == expected, "seed \(seed)")
            default:
                let changed: Int64? = table.change(number) { value in
                    value += 1
                    return value
                }
                model[number]? += 1
                #expect(changed == model[number], "seed \(seed)")
            }
            #expect(table[number] == model[number] && table.count == model.count, "seed \(seed), step \(step)")
        }
        let all = model.sorted { $0.key < $1.key }
        #expect(table.all.elementsEqual(all) { $0.number == $1.key && $0.value == $1.value }, "seed \(seed)")
    }

    @Test func equal_byWhatIsKept_notByHow() {
        var left = NumberTable<String>()
        var right = NumberTable<String>()
        left.set("far", for: 1 << 40)
        left.set("near", for: 7)
        right.set("near", for: 7)
        right.set("gone", for: 900)
        right.set("far", for: 1 << 40)
        #expect(left != right)
        right.remove(900)
        #expect(left == right)
        right.set("other", for: 7)
        #expect(left != right)
    }

    /// A visitor far behind all others must not keep those that follow in the dictionary.
    @Test func stray_isTakenInWhenItsPageOpens() {
        var table = NumberTable<Int>()
        table.set(1, for: 0)
        table.set(2, for: 1 << 30)
        table.remove(0)
        table.set(3, for: 1 << 30 + 1)
        #expect(table[1 << 30] == 2 && table[1 << 30 + 1] == 3 && table.count == 2)
        #expect(table.all.map(\.value) == [2, 3])
    }
}
