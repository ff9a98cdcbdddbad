import Primitives
import Testing

@testable import Gateway

@Suite struct RouteTableTests {
    private static let sale = 1
    private static let vip = 2
    private static let table = RouteTable<String>([
        .init(host: "*", path: "/", target: "web+sale", guardedBy: sale),
        .init(host: "*", path: "/assets", target: "cdn", guardedBy: nil),
        .init(host: "*", path: "/assets/private", target: "web+sale", guardedBy: sale),
        .init(host: "vip.test", path: "/", target: "web+vip", guardedBy: vip),
        .init(host: "vip.test", path: "/assets", target: "web", guardedBy: nil),
        .init(host: "raw.test", path: "/assets", target: "raw", guardedBy: nil, isExact: true),
        .init(host: "raw.test", path: "/Checkout", target: "web+sale", guardedBy: sale),
    ])

    private func find(
        in table: RouteTable<String> = RouteTableTests.table,
        host: String = "a.test",
        _ readings: String...
    ) -> String? {
        var search = RouteTable<String>.Search()
        for reading in readings {
            let isSettled = Array(host.utf8).withUnsafeBytes { host in
                Array(reading.utf8).withUnsafeBytes { table.take(host: host, path: $0, into: &search) }
            }
            if isSettled { break }
        }
        switch table.finding(search) {
        case .route(let target): return target
        case .nothing: return nil
        case .ambiguous: return "ambiguous"
        }
    }

    @Test func find_severalFit_longestPathWins() {
        #expect(self.find("/") == "web+sale")
        #expect(self.find("/buy/now") == "web+sale")
        #expect(self.find("/assets/a.css") == "cdn")
        #expect(self.find("/assets/private/a") == "web+sale")
        #expect(self.find("") == "web+sale")
    }

    @Test func find_pathsAreWholeSegments() {
        #expect(self.find("/assets") == "cdn")
        #expect(self.find("/assets/") == "cdn")
        #expect(self.find("/assetsx") == "web+sale")
        #expect(self.find("/assets/privatex") == "cdn")
    }

    @Test func find_hostGiven_exactOneBeatsAny() {
        #expect(self.find(host: "vip.test", "/") == "web+vip")
        #expect(self.find(host: "VIP.test", "/x") == "web+vip")
        #expect(self.find(host: "vip.test", "/assets/a") == "web")
        #expect(self.find(host: "xvip.test", "/") == "web+sale")
        // The longer path of any host still comes before the shorter one of this host.
        #expect(self.find(host: "vip.test", "/assets/private/a") == "web+sale")
    }

    @Test func find_noRoute_nothing() {
        let table = RouteTable<String>([.init(host: "a.test", path: "/x", target: "x", guardedBy: nil)])
        #expect(self.find(in: table, host: "a.test", "/y") == nil)
        #expect(self.find(in: table, host: "b.test", "/x") == nil)
        #expect(self.find(in: RouteTable<String>([]), "/") == nil)
    }

    /// Some servers do not tell capital letters from small ones.
    @Test func find_guardedRouteInOtherCase_isFound() {
        #expect(self.find("/ASSETS/Private/a") == "web+sale")
        #expect(self.find(host: "raw.test", "/CHECKOUT") == "web+sale")
        // Nobody is kept from what is not guarded: capital letters lead elsewhere.
        let table = RouteTable<String>([
            .init(host: "*", path: "/", target: "web", guardedBy: nil),
            .init(host: "*", path: "/checkout", target: "web+sale", guardedBy: 1),
            .init(host: "*", path: "/help", target: "help", guardedBy: nil),
        ])
        #expect(self.find(in: table, "/CheckOut/now") == "web+sale")
        #expect(self.find(in: table, "/HELP") == "web")
    }

    /// What is sent and what a worker may make of it: a guard on any reading holds the visitor.
    @Test func readings_oneIsGuarded_theGuardCounts() {
        #expect(self.find("/assets/..;/checkout", "/checkout") == "web+sale")
        #expect(self.find("/assets/./a", "/assets/a") == "cdn")
        #expect(self.find("/buy/x", "/assets/a") == "web+sale")
    }

    @Test func readings_twoGuards_areAmbiguous() {
        let table = RouteTable<String>([
            .init(host: "*", path: "/a", target: "a", guardedBy: 1),
            .init(host: "*", path: "/b", target: "b", guardedBy: 2),
        ])
        #expect(self.find(in: table, "/a/x", "/b/x") == "ambiguous")
        #expect(self.find(in: table, "/a/x", "/a") == "a")
    }

    @Test func exactRoute_otherReadingsDoNotMatter() {
        #expect(self.find(host: "raw.test", "/assets/..;/checkout", "/Checkout") == "raw")
        #expect(self.find(host: "raw.test", "/other/..;/checkout", "/checkout") == "web+sale")
    }

    /// A thousand routes: each is found, and each costs no more look-ups than a short list.
    @Test func thousandRoutes_allAreFound() {
        let table = RouteTable<String>(
            (0..<1_000).map {
                .init(host: $0 % 2 == 0 ? "*" : "h\($0).test", path: "/p\($0)", target: "t\($0)", guardedBy: nil)
            }
        )
        for index in 0..<1_000 {
            #expect(self.find(in: table, host: "h\(index).test", "/p\(index)/x") == "t\(index)")
        }
    }
}
