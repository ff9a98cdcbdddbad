import Settings

/// One manner that a file gives, to be laid over those that hold otherwise.
struct MannersChange: Equatable, Sendable {
    let key: String
    /// As it would be written: two changes are the same when they say the same.
    let text: String
    let apply: @Sendable (inout Manners) -> Void

    static func == (one: MannersChange, other: MannersChange) -> Bool {
        one.key == other.key && one.text == other.text
    }
}

/// A section of the file that gives manners: of everybody, or of one class.
protocol MannersHolder: SettingsSection {
    var changes: [MannersChange] { get set }
    /// How documentation tells the default of a manner; nil: as it is written.
    static var defaultNote: String? { get }
}

extension MannersHolder {
    func applied(to manners: Manners) -> Manners {
        var manners = manners
        for change in self.changes { change.apply(&manners) }
        return manners
    }

    /// Every manner that a file can give, in the order of the documentation.
    static var mannersFields: [SettingsField<Self>] {
        self.visitFields + self.lineFields + self.retryFields + self.conductFields
    }

    private static var visitFields: [SettingsField<Self>] {
        let time = ValueKind<Double>.seconds(0.001...86_400)
        return [
            .manner("requests", \.requests, .span(of: .count(1...1000), such: "3 to 7")),
            .manner("think", \.thinkMedianSeconds, time),
            .manner("think_spread", \.thinkSpread, .number(0...3)),
            .manner("longest_think", \.longestThinkSeconds, time),
            .manner("basket", \.basketSeconds, .seconds(0...86_400)),
            .manner("leave_page", \.leavePageShare, .share),
            .manner("no_shows", \.noShowShare, .share),
        ]
    }

    private static var lineFields: [SettingsField<Self>] {
        let time = ValueKind<Double>.seconds(0.001...86_400)
        let rates = ValueKind<Double>.ratePerSecond(0.001...100)
        return [
            .manner("tolerated_wait", \.toleratedWaitSeconds, time),
            .manner("patience_spread", \.patienceSpread, .number(0...3)),
            .manner("eager", \.eagerShare, .share),
            .manner("eager_rate", \.eagerRates, .span(of: rates, such: "1/s to 2.5/s")),
            .manner("eager_window", \.eagerWindowSeconds, .seconds(0...86_400)),
            .manner("refresh", \.refreshMedianSeconds, time),
            .manner("refresh_spread", \.refreshSpread, .number(0...3)),
            .manner("opening_reaction", \.openingReactionSeconds, time),
        ]
    }

    private static var retryFields: [SettingsField<Self>] {
        let time = ValueKind<Double>.seconds(0.001...86_400)
        return [
            .manner("retries", \.mostRetries, .count(0...20)),
            .manner("retry_at_once", \.immediateRetryShare, .share),
            .manner("retry_fixed", \.fixedRetryShare, .share),
            .manner("at_once_pause", \.immediateRetrySeconds, time),
            .manner("fixed_pause", \.fixedRetrySeconds, time),
            .manner("jitter_pause", \.jitterRetrySeconds, time),
        ]
    }

    private static var conductFields: [SettingsField<Self>] {
        let time = ValueKind<Double>.seconds(0.001...86_400)
        return [
            .manner("places", \.places, .span(of: .count(1...100), such: "1 to 8")),
            .manner("cookies", \.cookies, .word),
            .manner("waits", \.waitsInLine, .flag),
            .manner("own_pace", \.ownPaceSeconds, .either("null", or: .seconds(0.01...86_400))),
            .manner("loss", \.lossShare, .share),
            .manner("loss_time", \.lossMedianSeconds, time),
            .manner("loss_spread", \.lossSpread, .number(0...3)),
            .manner("longest_loss", \.longestLossSeconds, time),
        ]
    }
}

extension SettingsField where Section: MannersHolder {
    fileprivate static func manner<Value>(
        _ name: String,
        _ keyPath: any WritableKeyPath<Manners, Value> & Sendable,
        _ kind: ValueKind<Value>
    ) -> Self {
        let defaultText = Section.defaultNote ?? kind.write(Manners()[keyPath: keyPath])
        return SettingsField(
            name: name,
            allowed: kind.allowed,
            defaultText: defaultText,
            keys: { path in
                [SettingsKey(path: path, allowed: kind.brief, defaultText: defaultText, reload: .live, isValue: true)]
            },
            read: { node, path, section, findings in
                let site = ValueSite(node: node, path: path, allowed: kind.allowed)
                guard let value = kind.read(site, &findings) else { return }
                section.changes.append(
                    MannersChange(key: name, text: kind.write(value)) { $0[keyPath: keyPath] = value }
                )
            },
            // Nobody follows a scenario's file while it is changed.
            changes: { _, _, _ in [] },
            keepRunning: { _, _ in }
        )
    }
}

extension Manners {
    fileprivate var requests: Span<Int> {
        get { Span(from: self.fewestRequests, to: self.mostRequests) }
        set { (self.fewestRequests, self.mostRequests) = (newValue.from, newValue.to) }
    }
    fileprivate var places: Span<Int> {
        get { Span(from: self.fewestPlaces, to: self.mostPlaces) }
        set { (self.fewestPlaces, self.mostPlaces) = (newValue.from, newValue.to) }
    }
    fileprivate var eagerRates: Span<Double> {
        get { Span(from: self.fewestEagerRefreshesPerSecond, to: self.mostEagerRefreshesPerSecond) }
        set {
            (self.fewestEagerRefreshesPerSecond, self.mostEagerRefreshesPerSecond) = (newValue.from, newValue.to)
        }
    }
}

/// `manners:`, those of everybody of whom nothing else is said.
struct MannersText: MannersHolder {
    static var defaultNote: String? { nil }

    var changes: [MannersChange] = []

    static var fields: [SettingsField<Self>] { Self.mannersFields }
}
