// swift-tools-version: 6.2
import PackageDescription

/// Every target is compiled with the same switches. The checks set `SLUICE_STRICT`, which makes warnings errors; a
/// user's newer compiler must not fail for a new warning.
let isStrict = Context.environment["SLUICE_STRICT"] != nil
let strict: [SwiftSetting] = isStrict ? [.treatAllWarnings(as: .error)] : []
/// Debug builds, and so all tests, check every access for exclusivity; in release the checks were 5 % of a position
/// poll's CPU time.
let unchecked = SwiftSetting.unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release))
let swift: [SwiftSetting] = [.swiftLanguageMode(.v6), .enableUpcomingFeature("ExistentialAny"), unchecked] + strict

let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let heap = Target.Dependency.product(name: "HeapModule", package: "swift-collections")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let httpClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let grpcCore = Target.Dependency.product(name: "GRPCCore", package: "grpc-swift-2")
let grpcTransport = Target.Dependency.product(name: "GRPCNIOTransportHTTP2Posix", package: "grpc-swift-nio-transport")
let grpcProtobuf = Target.Dependency.product(name: "GRPCProtobuf", package: "grpc-swift-protobuf")
let protobuf = Target.Dependency.product(name: "SwiftProtobuf", package: "swift-protobuf")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let histogram = Target.Dependency.product(name: "Histogram", package: "hdrhistogram-swift")

/// A module of `Sources/NAME`, and what it may import: arrows point down this list only.
func module(
    _ name: String,
    _ dependencies: [Target.Dependency] = [],
    pages: [String] = []
) -> Target {
    .target(name: name, dependencies: dependencies, exclude: pages, swiftSettings: swift)
}

/// The tests of `Tests/NAME`.
func tests(_ name: String, _ dependencies: [Target.Dependency], pages: [String] = []) -> Target {
    .testTarget(name: name, dependencies: dependencies, exclude: pages, swiftSettings: swift)
}

let package = Package(
    name: "sluice",
    products: [
        .executable(name: "sluice", targets: ["sluice"]),
        .executable(name: "onsale", targets: ["onsale"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
        // Of the control plane alone: no byte of a visitor passes through these.
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/grpc/grpc-swift-2", from: "2.4.3"),
        .package(url: "https://github.com/grpc/grpc-swift-nio-transport", from: "2.9.2"),
        .package(url: "https://github.com/grpc/grpc-swift-protobuf", from: "2.4.1"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
    ],
    targets: [
        // C shims.
        .target(name: "CLinux"),
        .target(name: "CRoomScript"),
        .systemLibrary(name: "CHiredis", providers: [.apt(["libhiredis-dev"])]),
        .systemLibrary(name: "CNghttp2", providers: [.apt(["libnghttp2-dev"])]),
        .systemLibrary(name: "COpenSSL", providers: [.apt(["libssl-dev"])]),

        // The pure ring: no Dispatch, no Glibc, no Foundation; time and randomness are arguments.
        module("Primitives"),
        module("Admission", ["CRoomScript", "Primitives", deque], pages: ["room.lua"]),
        module("HTTPWire", ["Primitives"], pages: ["README.md"]),
        module("Scaling", ["Primitives"]),
        module("Addresses", ["Primitives"]),
        module("Settings", ["Addresses", "Primitives"]),
        module("Rooms", ["Admission", "Primitives", "Settings", deque]),
        module("Pools", ["Addresses", "Admission", "Primitives", "Scaling", "Settings"]),
        module("Decisions", ["Primitives", "Scaling"]),
        module("Simulation", ["Admission", "Pools", "Primitives", "Rooms", "Scaling", "Settings", deque, heap]),

        // The I/O ring.
        module("EventLoop", ["CLinux", "Primitives"]),
        module("Transport", ["Addresses", "CLinux", "COpenSSL", "EventLoop", "Primitives"]),
        module("Reports"),
        module("RedisClient", ["Addresses", "CHiredis", "EventLoop", "Primitives", "Transport", deque]),
        module("HTTPService", ["EventLoop", "HTTPWire", "Primitives", "Transport"]),
        module("Observability", ["Primitives", logging]),
        module(
            "SettingsFile",
            ["CLinux", "COpenSSL", "EventLoop", "Primitives", "Settings", "Transport", "Yams"]
        ),

        module("EmbeddedRedis", ["CLinux", "EventLoop", "Primitives", "RedisClient", "Transport"]),
        module("Tokens", ["Admission", "COpenSSL", "Primitives"]),

        module(
            "Kubernetes",
            ["EventLoop", "Primitives", "Yams", httpClient, nioCore, nioHTTP1, nioPosix, nioSSL]
        ),

        // The shells.
        module("SharedState", ["Admission", "EventLoop", "Pools", "Primitives", "RedisClient", "Scaling"]),
        module(
            "Gateway",
            [
                "Addresses", "Admission", "CNghttp2", "EventLoop", "HTTPWire", "Observability", "Pools", "Primitives",
                "Reports", "Rooms", "Scaling", "Settings", "SharedState", "Tokens", "Transport", deque, logging,
            ]
        ),
        module(
            "Controller",
            [
                "Admission", "Decisions", "EventLoop", "HTTPService", "Kubernetes", "Observability", "Pools",
                "Primitives", "Reports", "Scaling", "Settings", "SharedState", "Transport", logging,
            ]
        ),
        module(
            "KEDAScaler",
            [
                "Addresses", "Primitives", "Transport", grpcCore, grpcTransport, grpcProtobuf, nioCore, nioPosix,
                protobuf,
            ],
            pages: ["Generated/externalscaler.proto"]
        ),
        module("AdminAPI", ["EventLoop", "HTTPService", "Observability", "Reports", "Transport"]),
        module("SampleWorker", ["EventLoop", "HTTPService", "Observability", "Pools", "Primitives", "Transport"]),

        // The roots.
        .executableTarget(
            name: "sluice",
            dependencies: [
                "Addresses", "AdminAPI", "Admission", "CLinux", "COpenSSL", "Controller", "Decisions", "EmbeddedRedis",
                "EventLoop", "Gateway", "HTTPService", "KEDAScaler", "Observability", "Pools", "Primitives",
                "RedisClient", "Reports", "SampleWorker", "Scaling", "Settings",
                "SettingsFile", "SharedState", "Tokens", "Transport", arguments, logging,
            ],
            swiftSettings: swift
        ),
        .executableTarget(
            name: "onsale",
            dependencies: [
                "Addresses", "Admission", "CLinux", "CNghttp2", "EventLoop", "HTTPService", "HTTPWire", "Pools",
                "Primitives", "RedisClient", "Rooms", "Scaling", "Settings", "SettingsFile", "Simulation", "Transport",
                "Yams", arguments, histogram,
            ],
            path: "LoadTests/onsale",
            swiftSettings: swift
        ),

        // Tests.
        .target(
            name: "TestKit",
            dependencies: [
                "Addresses", "Admission", "CHiredis", "Decisions", "EmbeddedRedis", "EventLoop", "Kubernetes", "Pools",
                "Primitives", "RedisClient", "Scaling", "SharedState", "Transport", nioCore, nioHTTP1, nioPosix, nioSSL,
            ],
            path: "Tests/TestKit",
            swiftSettings: swift
        ),
        tests("PrimitivesTests", ["Primitives"]),
        tests("AddressesTests", ["Addresses", "Primitives"]),
        tests("AdmissionTests", ["Admission", "Primitives"]),
        tests("RoomScriptTests", ["Admission", "CHiredis", "Primitives", "TestKit"], pages: ["room-v1.lua"]),
        tests("HTTPWireTests", ["HTTPWire", "Primitives"]),
        tests("ScalingTests", ["Primitives", "Scaling", "Settings", "Simulation"]),
        tests("RoomsTests", ["Admission", "Primitives", "Rooms", "Settings", "TestKit"]),
        tests("DecisionsTests", ["Decisions", "Primitives", "Scaling", "TestKit"]),
        tests("SimulationTests", ["Admission", "Primitives", "Rooms", "Scaling", "Settings", "Simulation"]),
        tests("PoolsTests", ["Addresses", "Pools", "Primitives", "Scaling", "Settings"]),
        tests(
            "SettingsTests",
            ["Addresses", "EventLoop", "Primitives", "Settings", "SettingsFile", "Transport"]
        ),
        tests("EventLoopTests", ["CLinux", "EventLoop", "Primitives", "TestKit"]),
        tests(
            "TransportTests",
            ["Addresses", "CLinux", "COpenSSL", "EventLoop", "Primitives", "TestKit", "Transport"]
        ),
        tests(
            "RedisClientTests",
            ["Addresses", "CHiredis", "EventLoop", "Primitives", "RedisClient", "TestKit", "Transport"]
        ),
        tests(
            "HTTPServiceTests",
            [
                "AdminAPI", "EventLoop", "HTTPService", "HTTPWire", "Observability", "Primitives", "Reports", "TestKit",
                "Transport",
            ]
        ),
        tests("ReportsTests", ["Reports"]),
        tests("KubernetesTests", ["EventLoop", "Kubernetes", "Primitives", "TestKit", "Transport"]),
        tests(
            "ControllerTests",
            [
                "Admission", "Controller", "Decisions", "EventLoop", "Kubernetes", "Pools", "Primitives", "Reports",
                "Scaling", "Settings", "SharedState", "TestKit", "Transport", "Yams", logging,
            ]
        ),
        tests("KEDAScalerTests", ["Addresses", "KEDAScaler", "Primitives"]),
        tests("ObservabilityTests", ["Observability", "Primitives", logging]),
        tests(
            "EmbeddedRedisTests",
            ["EmbeddedRedis", "EventLoop", "Primitives", "RedisClient", "TestKit", "Transport"]
        ),
        tests(
            "SharedStateTests",
            ["Admission", "EventLoop", "Pools", "Primitives", "RedisClient", "Scaling", "SharedState", "TestKit"]
        ),
        tests("TokensTests", ["Admission", "COpenSSL", "Primitives", "Tokens"]),
        tests(
            "GatewayTests",
            [
                "Addresses", "Admission", "CNghttp2", "EventLoop", "Gateway", "HTTPWire", "Pools", "Primitives",
                "Reports", "Rooms", "Scaling", "Settings", "SettingsFile", "SharedState", "TestKit", "Tokens",
                "Transport",
                logging,
            ]
        ),
        tests("SampleWorkerTests", ["EventLoop", "HTTPService", "Primitives", "SampleWorker", "TestKit", "Transport"]),
        tests(
            "OnsaleTests",
            [
                "Addresses", "Admission", "CNghttp2", "EventLoop", "HTTPWire", "Primitives", "RedisClient", "Settings",
                "SettingsFile", "Simulation", "TestKit", "Transport", "onsale",
            ]
        ),
        tests(
            "IntegrationTests",
            [
                "CLinux", "CNghttp2", "Controller", "Decisions", "EventLoop", "Primitives", "TestKit", "Transport",
                "onsale", "sluice",
            ],
            pages: ["Kit/keda.py"]
        ),
        tests("TidyTests", []),
    ]
)

// A lean Sluice has no way to Kubernetes and none to KEDA, and needs none of the packages that are there for these alone:
// of a debug build's processor time they took a third.
if Context.environment["SLUICE_LEAN"] == nil {
    for target in package.targets { target.swiftSettings?.append(.define("CLUSTERS")) }
} else {
    let packages: Set = [
        "async-http-client", "grpc-swift-2", "grpc-swift-nio-transport", "grpc-swift-protobuf", "swift-nio",
        "swift-nio-ssl", "swift-protobuf",
    ]
    let left = [
        "Kubernetes": ["API/Attempt.swift", "API/HTTPTransport.swift"],
        "sluice": ["Daemon/ScalerDuty.swift"],
        "TestKit": ["Cluster/InventedAPIServer.swift"],
        "KubernetesTests": ["ClientTests.swift", "ClusterTests.swift", "TLSTests.swift"],
        "IntegrationTests": [
            "KEDATests.swift", "KubernetesTests.swift", "Kit/ClusterScene.swift", "Kit/KEDAClient.swift",
        ],
    ]
    package.dependencies.removeAll {
        guard case .sourceControl(_, let location, _) = $0.kind else { return false }
        return packages.contains { location.hasSuffix("/\($0)") }
    }
    package.targets.removeAll { ["KEDAScaler", "KEDAScalerTests"].contains($0.name) }
    for target in package.targets {
        target.exclude += left[target.name] ?? []
        target.dependencies.removeAll {
            switch $0 {
            case .productItem(_, let package?, _, _): packages.contains(package)
            case .byNameItem(let name, _): name == "KEDAScaler"
            default: false
            }
        }
    }
}

// What does no I/O gains nothing under a sanitizer, and such a build is made twice in the checks.
let isSanitized = Context.environment["SLUICE_SANITIZER"] != nil
if isSanitized {
    // Whole gateways have all threads and read all bytes from outside; the parts by themselves are for the long run.
    let parts: Set = [
        "ControllerTests", "EmbeddedRedisTests", "EventLoopTests", "GatewayTests", "HTTPServiceTests",
        "KubernetesTests", "RedisClientTests", "SampleWorkerTests", "SharedStateTests", "TransportTests",
    ]
    let isLong = Context.environment["SLUICE_LONG"] != nil
    package.targets.removeAll {
        $0.type == .test && $0.name != "IntegrationTests" && !(isLong && parts.contains($0.name))
    }
}

// What computes alone plays whole sales in its tests: without optimization that takes four times as long, and a third of
// the checks' time. Assertions stay. A debug build of one's own is left as it is, for the debugger; what runs under a
// sanitizer plays nothing so long.
if isStrict, !isSanitized {
    let computing: Set = [
        "Admission", "Decisions", "HTTPWire", "Pools", "Primitives", "RoomScriptTests", "Rooms", "Scaling",
        "Simulation", "TidyTests", "onsale",
    ]
    for target in package.targets where computing.contains(target.name) {
        target.swiftSettings?.append(.unsafeFlags(["-O", "-assert-config", "Debug"], .when(configuration: .debug)))
    }
}
