//! Primes of RSA keys that sign nothing but what tests make up. Public from the day they were made:
//! whoever trusts them outside a test trusts everybody.

/// Both primes of keys 1, 2 (2048 bits) and 3 (4096 bits, as Wolfi's and Alpine's newer ones are).
pub(super) const TEST_ONLY_PRIMES: [[&str; 2]; 3] = [
    [
        concat!(
            "e7adc5ace2b309c50ca904711abc019e2ffa0232d811459af2638cfe49ff07452695ceaeb49c1f662b0c03bbf7639e85",
            "8307b50f3aca6d52376db3ce2f635b67e6647bfa4d7db1d210fc54f46852bed8c93b56893bbf36401933447f0d20499b",
            "898ccc877a23dd942882b6a7c82c50f42e583b894d9d7adc5d6e9f3bfe7f1339",
        ),
        concat!(
            "cc270fb231d56040815a82535e02fbfc5a79eee1c1fa7505993e757e13e1cdc2dd9c8347c3dc08e150051a9f2dff9ffb",
            "678b97ba2d52c394c34856995c2d396891ee6c899c08ecbc4498340d838a43f286159a30d6e5268f44386313a678ac7d",
            "eb1631a94c7967243610fbc2c044e1808f1e72aef89a5424728b446af46323a3",
        ),
    ],
    [
        concat!(
            "fbfa1d67a2f0655341bbfa7b7e3f72b05daea33cc1c67f14a8842fcfb7c58d715d9e4f3ebb4ad01a8a859dd187ac7fdc",
            "e427372cfaf0af069993eccf277611acc0efd1f4cb23a9e457382426a464ad3ec893d59948ca51ba26e8b3cb9d01cb45",
            "9b574ff7346ab7b97b8d14c5aee9d939aa90073d7c6b2b91d6230e1d1a5f4799",
        ),
        concat!(
            "ef938b4a0bf282e6297e6e3800898390fcfc2cd5f3b209336386079bfb6073d6f51f866d32d18ec1b8ee598c08399b8b",
            "e3f6e4cf315bf8b3a452670c4268616c402c8b45836508de334f5f74aad645b00e92e8651e454b3b74f2772f8bc77569",
            "e0cf4199a1b5027eab79002168245584fb076ecd0bc547fee338ebcac6e8a4a9",
        ),
    ],
    [
        concat!(
            "ddbc07b092bf327daa48630971af4821275538258b7b4b75d2e0733b0bf27df365b0d6ca5fe3cd0160134422314daaa1",
            "1feb84a7c7513319a630cbe6d672813ee4ede7f267fca7d0f4f8ea68115f5b2cf7d4240d6a0121372d8b86ff8e7bf7c0",
            "58924b060a766a339a757d335e7da4564bd41e2f885eba134966cc3dee33fe1ea724f1652576c4ae799bfbf0119be1fc",
            "dc52ea90b92c9cab95c44aca0f77ba5cf4b8f447f005b5af39ee84f30172ce39ae8b212d52a634dd42fa85f7145c1a2a",
            "de73e27d8caacd45e2782e840c459ffe47acebfffd41730bc96bde04200815e20537937ed0fe93cb7575e0a1059ed0fd",
            "cbd413207e884718e754118da7d0f92d",
        ),
        concat!(
            "b886ed266034c7aa3c2f0ac57a6e6c4eb144f00e80f63f61e60de04c76d5927771972df64f961f24bd9b03fcf8d51bbb",
            "393f75c75ce82d51e1359371e35ae888c90bfcfdf65d8d216219915a85eaa7a934ea6053d019e1642a144d446f0b7d14",
            "43d2073ba71f89074cc682932c96f753e5b5a5d2bf889ac91342794661efba4d4086147afad0f61a75075c49c058b99c",
            "5edf39204d7eceee48adae37028c3e64df886c57f82920244a15065a6c3eb8ef7ddafa96d39637055d0a7e2de5032153",
            "567cdfb96e284fa619a11c50b300c08727f5db3c395e2745a3da7cfda8652502ac4e5511b6712cd11fc0164bdaf75eff",
            "ee8b26217a5458d7d48a73169ff06c35",
        ),
    ],
];
