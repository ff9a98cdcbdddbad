import Testing
import TestKit

/// Ways around a guarded path, as known servers read paths. Each is refused, or meets the room; a worker sees none.
@Suite(.onOwnThread) struct PathTrickTests {
    /// Guarded are `/checkout` and `/shop/cart`; everything else is open.
    private static func configuration(_ worker: RawWorker) -> Configuration {
        var configuration = Configuration()
        configuration.use([worker])
        configuration.room = ["slots": "1000", "inflow": "0/s", "burst": "1"]
        configuration.routes = [("/", false), ("/checkout", true), ("/shop/cart", true)]
        return configuration
    }

    enum Kind: CaseIterable {
        case dotSegments, escapes, escapedSlashes, twiceEscaped, backslashes, parameters, slashesAndLetters, absolute
        case fragments

        var tricks: [String] {
            switch self {
            case .dotSegments: PathTrickTests.dotSegments
            case .escapes: PathTrickTests.escapes
            case .escapedSlashes: PathTrickTests.escapedSlashes
            case .twiceEscaped: PathTrickTests.twiceEscaped
            case .backslashes: PathTrickTests.backslashes
            case .parameters: PathTrickTests.parameters
            case .slashesAndLetters: PathTrickTests.slashesAndLetters
            case .absolute: PathTrickTests.absolute
            case .fragments: PathTrickTests.fragments
            }
        }
    }

    static let dotSegments = [
        "/assets/../checkout", "/assets/./../checkout", "/assets/x/../../checkout", "/./checkout", "/.//checkout",
        "/assets//..//checkout", "/assets/..//checkout", "/../checkout", "/assets/../../checkout", "/shop/./cart",
        "/shop/x/../cart", "/shop//../cart", "/shop//../shop/cart", "/x//../checkout", "/checkout/.", "/checkout/./",
        "/checkout/../checkout",
    ]
    static let escapes = [
        "/assets/%2e%2e/checkout", "/assets/%2E%2E/checkout", "/assets/.%2e/checkout", "/assets/%2e./checkout",
        "/%2e/checkout", "/%2e%2e/checkout", "/%63heckout", "/%43heckout", "/check%6fut", "/shop/%2e/cart",
        "/%73hop/c%61rt", "/shop/%2e%2e/shop/cart", "/checkout%00", "/assets/..%00/checkout",
        "/assets/%2e%2e%2f%63heckout",
    ]
    static let escapedSlashes = [
        "/assets/..%2fcheckout", "/assets/..%2Fcheckout", "/assets/%2e%2e%2fcheckout", "/assets%2f..%2fcheckout",
        "/assets%2f../checkout", "/x%2fy/../checkout", "/checkout%2f", "/checkout%2fstep", "/checkout%2F..%2Fcheckout",
        "/checkout/..%2fcheckout", "/shop%2fcart", "/shop%2Fcart%2f", "/%2fcheckout", "/%2f/checkout",
    ]
    static let twiceEscaped = [
        "/assets/%252e%252e/checkout", "/assets/%252e%252e%252fcheckout", "/assets/..%252fcheckout",
        "/assets/.%252e/checkout", "/%2563heckout", "/shop%252fcart", "/assets/%252e%252e%255ccheckout",
    ]
    static let backslashes = [
        "/assets/..\\checkout", "/assets\\..\\checkout", "/assets/..%5ccheckout", "/assets/..%5Ccheckout",
        "/assets%5c..%5ccheckout", "/assets/%2e%2e%5ccheckout", "/assets/%5c../checkout", "/\\checkout", "/%5ccheckout",
        "/checkout\\", "/checkout%5c", "/checkout\\step", "/shop\\cart", "/shop%5ccart", "/assets/..%255ccheckout",
    ]
    static let parameters = [
        "/assets/..;/checkout", "/assets/..;x=y/checkout", "/assets/%2e%2e;/checkout", "/a/b/..;/..;/checkout",
        "/shop/x/..;/cart", "/.;/checkout", "/;/checkout", "/;x=y/checkout", "/checkout;", "/checkout;x",
        "/checkout;x=y/step", "/shop;a=b/cart", "/shop;a/cart;b", "/shop/cart;jsessionid=1",
    ]
    static let slashesAndLetters = [
        "//checkout", "///checkout", "//x/checkout", "//x//checkout", "//localhost/checkout", "/shop//cart",
        "/shop///cart", "/checkout//", "/CHECKOUT", "/Checkout", "/cHeCkOuT/step", "/SHOP/cart", "/shop/CART",
        "/%43HECKOUT", "/checkout/", "/checkout?x=/../assets",
    ]
    static let absolute = [
        "http://localhost/checkout", "HTTP://LOCALHOST/checkout", "http://localhost//checkout",
        "http://localhost/assets/..;/checkout", "http://localhost/assets/%2e%2e/checkout",
        "http://localhost/assets/..\\checkout", "http://localhost/CHECKOUT",
    ]
    static let fragments = ["/checkout#x", "/checkout#/../assets", "/assets#/../checkout", "/shop/cart#"]

    /// Seen before: about half of them reached the worker, among them `/assets/..;/checkout`, `/assets/..%5ccheckout`,
    /// `/assets/%252e%252e/checkout`, `//x/checkout`, `/checkout;x` and `/CHECKOUT`.
    @Test(arguments: Kind.allCases)
    func trick_aroundAGuardedPath_meetsTheRoomOrIsRefused(kind: Kind) throws {
        try Scene.play { scene in
            let worker = try scene.startWorker(RawWorker.answering("inside"))
            let sluice = try scene.start(Self.configuration(worker))
            for trick in kind.tricks {
                let peer = try HTTPPeer(port: sluice.port)
                let answer = try peer.request("GET", trick)
                let isWaiting = answer.field("sluice-state") == "waiting"
                #expect(answer.status == 400 || isWaiting, "\(trick) got \(answer.status) '\(answer.text.prefix(20))'")
            }
            #expect(worker.received.isEmpty, "the worker saw \(Self.targets(worker))")
        }
    }

    private static func targets(_ worker: RawWorker) -> [String] {
        worker.receivedText.components(separatedBy: "\r\n").filter { $0.hasSuffix(" HTTP/1.1") }
    }

    /// What is only near a guarded path, or odd by itself, still reaches its worker, just as it was sent.
    @Test func path_oddButNotGuarded_reachesTheWorkerUnchanged() throws {
        let paths = [
            "/assets/app.js", "/assets/a;v=1/x.css", "/assets/a%20b", "/check-out", "/checkouts", "/assets//double",
            "/assets/..x/y", "/assets/x../y", "/assets/caf%c3%a9", "/assets/100%25", "/a%2fb", "/shop",
            "/shop/cartoon", "/assets/x?y=/checkout", "/assets/x?y=../checkout", "/assets/x?y=\\..\\checkout%5c",
            "/assets/./x", "/assets/x/../y", "/assets/~user/x", "/assets/(1),x", "/",
        ]
        try Scene.play { scene in
            let worker = try scene.startWorker(RawWorker.answering("inside"))
            let sluice = try scene.start(Self.configuration(worker))
            for path in paths {
                let answer = try HTTPPeer(port: sluice.port).request("GET", path)
                #expect(answer.status == 200 && answer.text == "inside", "\(path) got \(answer.status)")
            }
            #expect(Self.targets(worker) == paths.map { "GET \($0) HTTP/1.1" })
        }
    }

    /// `paths: exact` is for sites whose workers read paths just as they are sent.
    @Test func exact_route_guardsThePathAsSentOnly() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker(RawWorker.answering("inside"))
            var configuration = Self.configuration(worker)
            configuration.routes = [("/", false)]
            configuration.otherRoutes = ["{path: /checkout, pool: workers, room: sale, paths: exact}"]
            let sluice = try scene.start(configuration)
            for path in ["/checkout", "/checkout/step", "/checkout?x"] {
                let answer = try HTTPPeer(port: sluice.port).request("GET", path)
                #expect(answer.field("sluice-state") == "waiting", "\(path)")
            }
            for path in ["/CHECKOUT", "/checkout;x", "/Checkout/step"] {
                let answer = try HTTPPeer(port: sluice.port).request("GET", path)
                #expect(answer.text == "inside", "\(path) got \(answer.status)")
            }
        }
    }
}
