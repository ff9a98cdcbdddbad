import Primitives
import Testing

@testable import Pools

/// Shares are held against what max-min fairness says of them, on invented pools and rooms.
@Suite struct RateSharesTests {
    private static func room(
        _ name: String,
        _ pools: [Int] = [0],
        weight: Int64 = 100_000,
        want: Int64,
        most: Int64 = 100_000
    ) -> RateShares.Room {
        RateShares.Room(name: name, pools: pools, weight: weight, wantMilli: want, mostMilli: most)
    }

    @Test func crowd_besideIdleRooms_getsWhatTheyDoNotWant() {
        let idle = ["a", "b", "c", "d"].map { Self.room($0, want: 500) }
        let shares = RateShares.milli(of: [60_000], idle + [Self.room("crowd", want: 100_000)])
        #expect(shares == [500, 500, 500, 500, 58_000])
    }

    @Test func twoCrowds_shareByWeight() {
        let rooms = [
            Self.room("a", weight: 30_000, want: 90_000), Self.room("b", weight: 10_000, want: 90_000),
            Self.room("c", weight: 0, want: 90_000),
        ]
        #expect(RateShares.milli(of: [8_000], rooms) == [6_000, 2_000, 0])
    }

    @Test func nobodyWantsAll_restIsReadyForWhoComes() {
        let rooms = [Self.room("a", want: 1_000), Self.room("b", want: 2_000, most: 2_500)]
        #expect(RateShares.milli(of: [10_000], rooms) == [7_500, 2_500])
        #expect(RateShares.milli(of: [500_000], rooms) == [100_000, 2_500], "and no more than each may have")
    }

    /// What the narrow pool binds, the wide one gives to its other room.
    @Test func roomBehindTwoPools_getsTheSameOfBoth_andTheRestGoesToOthers() {
        let rooms = [Self.room("both", [0, 1], want: 90_000), Self.room("wide", [1], want: 90_000)]
        #expect(RateShares.milli(of: [10_000, 60_000], rooms) == [10_000, 50_000])
        #expect(
            RateShares.milli(of: [0, 60_000], rooms) == [0, 60_000],
            "a pool without workers binds its room alone"
        )
    }

    @Test func rounding_losesAndInventsNothing() {
        let rooms = (0..<7).map { Self.room("\($0)", weight: 1_000 + Int64($0), want: 50_000) }
        for rate in [1, 6, 7, 8, 1_000, 99_999] as [Int64] {
            #expect(RateShares.milli(of: [rate], rooms).reduce(0, +) == rate)
        }
    }

    // MARK: Properties

    private struct Case {
        var pools: [Int64]
        var rooms: [RateShares.Room]

        init(_ random: inout SplitMix64, pools count: Int) {
            func below(_ bound: Int64, _ random: inout SplitMix64) -> Int64 {
                Int64(random.next(upperBound: UInt64(bound)))
            }
            self.pools = (0..<count).map { _ in below(10, &random) == 0 ? 0 : below(300_000, &random) }
            self.rooms = (0..<Int(1 + below(9, &random))).map { number in
                var behind = [Int(below(Int64(count), &random))]
                let other = Int(below(Int64(count), &random))
                if other != behind[0] { behind.append(other) }
                let want = below(4, &random) == 0 ? 0 : below(120_000, &random)
                return RateSharesTests.room(
                    "room-\(number)",
                    behind,
                    weight: below(8, &random) == 0 ? 0 : 1 + below(200_000, &random),
                    want: want,
                    most: want + below(50_000, &random)
                )
            }
        }

        var shares: [Int64] { RateShares.milli(of: self.pools, self.rooms) }

        func left(_ shares: [Int64]) -> [Int64] {
            self.pools.indices.map { pool in
                zip(self.rooms, shares).reduce(self.pools[pool]) { $1.0.pools.contains(pool) ? $0 - $1.1 : $0 }
            }
        }
    }

    @Test(arguments: [1, 2, 3, 0xBEEF] as [UInt64])
    func anyPools_giveAllTheyCan_andNothingTwice(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        for round in 0..<400 {
            let given = Case(&random, pools: 1 + round % 4)
            let shares = given.shares
            let left = given.left(shares)
            #expect(left.allSatisfy { $0 >= 0 }, "seed \(seed), round \(round): more than a pool has")
            for (room, share) in zip(given.rooms, shares) {
                #expect(share >= 0 && share <= room.mostMilli, "seed \(seed), round \(round): \(room.name)")
                guard room.weight > 0 else {
                    #expect(share == 0, "seed \(seed), round \(round): \(room.name) weighs nothing")
                    continue
                }
                let isFull = room.pools.contains { left[$0] == 0 }
                #expect(share == room.mostMilli || isFull, "seed \(seed), round \(round): \(room.name) could have more")
            }
        }
    }

    /// Whoever has less than it wants is bound by a pool in which nobody has more for its weight.
    @Test(arguments: [4, 5, 6, 0xCAFE] as [UInt64])
    func whoHasTooLittle_hasAsMuchAsAnybody(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        for round in 0..<400 {
            let given = Case(&random, pools: 1 + round % 3)
            let shares = given.shares
            let left = given.left(shares)
            // A thousandth may be missing where rounding took the last of a pool.
            for (room, share) in zip(given.rooms, shares) where room.weight > 0 && share + 1 < room.wantMilli {
                let isFair = room.pools.contains { pool in
                    guard left[pool] == 0 else { return false }
                    return zip(given.rooms, shares).allSatisfy { other, has in
                        guard other.pools.contains(pool), has > 10 else { return true }
                        // What rounding leaves over is at most a thousandth a room.
                        return Double(has - 10) / Double(other.weight) <= Double(share + 10) / Double(room.weight)
                    }
                }
                #expect(isFair, "seed \(seed), round \(round): \(room.name) in \(given)")
            }
        }
    }

    /// Nobody gets more than wanted while somebody in the same pool has less.
    @Test(arguments: [7, 8, 9] as [UInt64])
    func onePool_sumIsExact_andWantsComeFirst(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        for round in 0..<400 {
            let given = Case(&random, pools: 1)
            let shares = given.shares
            let most = given.rooms.reduce(0) { $0 + ($1.weight > 0 ? $1.mostMilli : 0) }
            #expect(shares.reduce(0, +) == min(given.pools[0], most), "seed \(seed), round \(round)")
            let pairs = zip(given.rooms, shares).filter { $0.0.weight > 0 }
            guard pairs.contains(where: { $1 < $0.wantMilli }) else { continue }
            #expect(pairs.allSatisfy { $1 <= $0.wantMilli }, "seed \(seed), round \(round)")
        }
    }

    @Test(arguments: [10, 11, 12] as [UInt64])
    func order_ofTheRooms_changesNothing(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        for round in 0..<200 {
            let given = Case(&random, pools: 1 + round % 4)
            var turned = given
            turned.rooms.shuffle(using: &random)
            let byName = Dictionary(uniqueKeysWithValues: zip(given.rooms.map(\.name), given.shares))
            for (room, share) in zip(turned.rooms, turned.shares) {
                #expect(byName[room.name] == share, "seed \(seed), round \(round): \(room.name)")
            }
        }
    }

    /// A larger pool takes nothing from anybody, and who wants more gets no less.
    @Test(arguments: [13, 14, 15] as [UInt64])
    func onePool_isMonotone(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        for round in 0..<400 {
            let given = Case(&random, pools: 1)
            let shares = given.shares
            var larger = given
            larger.pools[0] += 1 + Int64(random.next(upperBound: UInt64(50_000)))
            for (before, after) in zip(shares, larger.shares) {
                #expect(after >= before - 1, "seed \(seed), round \(round)")
            }
            var greedier = given
            let chosen = Int(random.next(upperBound: UInt64(given.rooms.count)))
            greedier.rooms[chosen].wantMilli += 20_000
            greedier.rooms[chosen].mostMilli += 20_000
            #expect(greedier.shares[chosen] >= shares[chosen] - 1, "seed \(seed), round \(round)")
        }
    }
}
