import Addresses
import Pools
import Primitives
import Settings
import Testing

/// Who the workers of a listed pool are.
@Suite struct StaticWorkersTests {
    private static func pool(_ workers: String...) throws -> PoolSettings {
        var pool = PoolSettings(name: "shop")
        pool.driver = .static
        pool.workers = try workers.map { try WorkerAddress(parsing: $0) }
        return pool
    }

    @Test func addressesOnly_areTheirOwnWorkers() throws {
        let found = StaticWorkers(try Self.pool("127.0.0.1:1", "unix:/run/a", "https://[::1]:2"), [:])
        #expect(found.isComplete)
        #expect(found.workers.map(\.id) == ["127.0.0.1:1", "unix:/run/a", "https://[::1]:2"])
        #expect(found.workers.map(\.address.description) == ["127.0.0.1:1", "unix:/run/a", "[::1]:2"])
    }

    @Test func name_isAWorkerForEachAddress_withAnIdOfItsOwn() throws {
        let pool = try Self.pool("https://shop.internal:8443", "http://shop.internal:80", "10.0.0.9:80")
        let unknown = StaticWorkers(pool, [:])
        #expect(!unknown.isComplete && unknown.workers.map(\.id) == ["10.0.0.9:80"])
        let known = StaticWorkers(pool, ["shop.internal": [.v4(0x0A00_0001), .v6(0, 1)]])
        #expect(known.isComplete)
        #expect(
            known.workers.map(\.id) == [
                "https://shop.internal:8443 at 10.0.0.1", "https://shop.internal:8443 at ::1",
                "http://shop.internal:80 at 10.0.0.1", "http://shop.internal:80 at ::1", "10.0.0.9:80",
            ]
        )
        #expect(known.workers.map(\.address.description).prefix(2) == ["10.0.0.1:8443", "[::1]:8443"])
        #expect(Set(known.workers.map(\.id)).count == known.workers.count)
        let failed = StaticWorkers(pool, ["shop.internal": []])
        #expect(failed.isComplete && failed.workers.count == 1)
    }

    @Test func lookups_ofSeveralPools_areAsOftenAsOneWants() throws {
        var settings = Settings()
        settings.pools = [try Self.pool("http://a", "http://b", "http://a:81"), try Self.pool("https://b")]
        settings.pools[1].lookupIntervalNanoseconds = 2 * Nanoseconds.perSecond
        #expect(settings.lookups == ["a": 10 * Nanoseconds.perSecond, "b": 2 * Nanoseconds.perSecond])
        settings.pools[1].driver = .process
        #expect(settings.lookups["b"] == 10 * Nanoseconds.perSecond, "only listed workers have names")
    }
}
